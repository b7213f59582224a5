"""What a station with an encoder must do with the rejector's wire: its places are counts. Pure."""

import re
from dataclasses import dataclass

from wiretrace import Mark, pulses

COMES = re.compile(r"count (-?\d+) comes$")


@dataclass(frozen=True)
class Way:
    """Where the rejector is and how long a pulse lasts, in counts; and the times that the station states."""

    delay: int
    pulse: int
    pulse_max_ms: float
    late_max_ms: float


def first_times(events):
    """When the belt came to each count for the first time. Coming there again after it has turned back is no news."""
    times = {}
    for event in events:
        found = COMES.match(event.text) if isinstance(event, Mark) else None
        if found:
            times.setdefault(int(found[1]), event.at_ms)
    return times


def counted_faults(events, fronts, output, way):
    """Everything that is wrong with the pulses for parts whose fronts came to the sensor at these counts: `fronts` has
    (number, verdict, count). Nothing may be early.
    """
    times = first_times(events)
    due = {}
    for number, verdict, count in fronts:
        if output.pulses_for(verdict):
            due[number] = (times[count + way.delay], times[count + way.delay + way.pulse])
    faults, given = [], {}
    for pulse in pulses(events, output.wire):
        its = [number for number, (start_ms, _) in due.items() if start_ms <= pulse.rise_ms <= start_ms + way.late_max_ms]
        if len(its) == 1 and its[0] not in given:
            given[its[0]] = pulse
        else:
            faults.append(f"a pulse at {pulse.rise_ms:.1f} ms, where no part is")
    for number, (start_ms, end_ms) in due.items():
        pulse = given.get(number)
        if pulse is None:
            faults.append(f"part {number}: no pulse on {output.wire}, expected one at {start_ms:.1f} ms")
            continue
        # On a belt that stands a pulse ends by its time, counted from its place or from a late start.
        ends_ms = min(end_ms, start_ms + way.pulse_max_ms)
        last_ms = min(end_ms, pulse.rise_ms + way.pulse_max_ms) + way.late_max_ms
        if pulse.fall_ms is None or not ends_ms <= pulse.fall_ms <= last_ms:
            faults.append(f"part {number}: its pulse ends at {pulse.fall_ms}, expected between {ends_ms:.1f} and {last_ms:.1f} ms")
    return faults
