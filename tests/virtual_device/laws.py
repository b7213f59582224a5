"""What a station's wires must do for parts with known verdicts. Pure: judges events of a trace."""

from dataclasses import dataclass
from enum import Enum

from wiretrace import marks, pulses


class Verdict(Enum):
    """What a part is, by its picture, and so what a sound station says of it."""

    PASS = "pass"
    FAIL = "fail"
    NO_RESULT = "no_result"


class Output(Enum):
    """What a pulse means."""

    PASS_PULSE = "pass_pulse"
    REJECT_PULSE = "reject_pulse"

    @property
    def wire(self):
        """The wire that carries it."""
        return "PASS" if self is Output.PASS_PULSE else "REJECT"

    def pulses_for(self, verdict):
        """Whether such a part has a pulse."""
        return (verdict is Verdict.PASS) == (self is Output.PASS_PULSE)


@dataclass(frozen=True)
class Timing:
    """The station's times, and how late an emulated machine may be. Nothing may ever be early."""

    delay_ms: float
    pulse_ms: float
    late_max_ms: float


@dataclass(frozen=True)
class Part:
    """A part whose front came to the sensor between two moments."""

    number: int
    verdict: Verdict
    before_ms: float
    after_ms: float


def parts(events, verdicts, first=1):
    """The parts that the belt has brought, by its marks, with the verdict that is due to each."""
    found = []
    for number, verdict in enumerate(verdicts, first):
        before, after = marks(events, f"part {number} comes"), marks(events, f"part {number} is there")
        if len(before) != 1 or len(after) != 1:
            raise ValueError(f"part {number}: {len(before)} and {len(after)} marks in the trace, expected one of each")
        found.append(Part(number, verdict, before[0], after[0]))
    return found


def pulse_faults(events, brought, output, timing, excused=frozenset()):
    """Everything that is wrong with the pulses for these parts, in words; nothing if each part has what it is due, at its
    place, and no wire has done anything else. Excused parts, by number, may have been rejected instead.
    """
    of_part = {part.number: [] for part in brought}
    faults = []
    for pulse in pulses(events, output.wire):
        # Nothing is early, so a pulse belongs to the last part that has come to the rejector.
        due = [part for part in brought if part.before_ms + timing.delay_ms <= pulse.rise_ms]
        if due and pulse.rise_ms <= due[-1].after_ms + timing.delay_ms + timing.late_max_ms:
            of_part[due[-1].number].append(pulse)
        else:
            faults.append(f"a pulse at {pulse.rise_ms:.1f} ms, where no part is")
    for part in brought:
        its = of_part[part.number]
        rejected = 1 if output.pulses_for(Verdict.NO_RESULT) else 0
        if part.number in excused and len(its) == rejected:
            continue
        faults += _faults_of(part, its, output, timing)
    return faults


def excuse(brought, start_ms, end_ms, timing):
    """The numbers of the parts that were before the sensor, or between it and the rejector, in a stretch of time."""
    return {part.number for part in brought if start_ms - timing.delay_ms <= part.after_ms and part.before_ms <= end_ms}


def _faults_of(part, its, output, timing):
    name = f"part {part.number} ({part.verdict.value})"
    due = 1 if output.pulses_for(part.verdict) else 0
    if len(its) != due:
        return [f"{name}: {len(its)} pulses on {output.wire}, expected {due}"]
    faults = []
    for pulse in its:
        if pulse.fall_ms is None:
            faults.append(f"{name}: its pulse has no end")
            continue
        # A late start shortens a pulse and does not shift its end.
        ends_ms = pulse.fall_ms - part.before_ms - timing.delay_ms
        slack_ms = part.after_ms - part.before_ms + timing.late_max_ms
        if not timing.pulse_ms <= ends_ms <= timing.pulse_ms + slack_ms:
            faults.append(f"{name}: its pulse ends {ends_ms:.1f} ms after its place, expected {timing.pulse_ms:.1f}")
    return faults


def silence_faults(events, wires, start_ms, end_ms):
    """Wires that were set high in a stretch of time in which they had to be at rest."""
    return [
        f"{wire} was set high at {pulse.rise_ms:.1f} ms, between {start_ms:.1f} and {end_ms:.1f}"
        for wire in wires
        for pulse in pulses(events, wire)
        if start_ms <= pulse.rise_ms <= end_ms
    ]


def longest_pause_ms(events, wire, start_ms, end_ms):
    """The longest time without a rise of a wire that should beat, in a stretch of time."""
    rises = [pulse.rise_ms for pulse in pulses(events, wire) if start_ms <= pulse.rise_ms <= end_ms]
    times = [start_ms, *rises, end_ms]
    return max(later - earlier for earlier, later in zip(times, times[1:]))


def widths_ms(events, wire):
    """Smallest, middle and largest width of the whole pulses of a wire, or None if there are none."""
    widths = sorted(pulse.width_ms for pulse in pulses(events, wire) if pulse.width_ms is not None)
    return (widths[0], widths[len(widths) // 2], widths[-1]) if widths else None
