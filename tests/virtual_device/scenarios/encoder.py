"""A belt that is counted: places are counts, whatever the belt does in between."""

from belt import Turns
from count_laws import Way, counted_faults, first_times
from laws import Output
from site_files import CountedSite
from station import LATE_MAX_MS
from wiretrace import pulses

PITCH, LENGTH = 40, 12
STANDS_S = 4


def encoder(station, checks, count=20):
    """A belt that runs, stands in the middle of a pulse, turns back a little, and runs on."""
    site, station.site = station.site, CountedSite(station.site.folder)
    way = Way(station.site.delay_counts, station.site.pulse_counts, station.site.pulse_ms, LATE_MAX_MS)
    turns = Turns(station.wires, PITCH, LENGTH)
    try:
        station.play(Output.PASS_PULSE)
        checks.holds("encoder: READY beats", station.start())
        station.clear_trace()
        # The first part of the sequence that passes after a rejected one lies before the rejector.
        stands_at = 3 * PITCH + way.delay + way.pulse // 2
        runs_on = (count + 1) * PITCH + way.delay + way.pulse - stands_at
        station.device.say(turns.program([stands_at, (STANDS_S,), -6, runs_on + 6], first_count=0), limit_s=300)
        station.settle()
        events = station.events()
        # The belt goes on until one more has gone by.
        fronts = [(number, verdict, number * PITCH) for number, verdict in enumerate(station.verdicts(1, count + 1), 1)]
        times = first_times(events)
        period_ms = (times[stands_at] - times[1]) / (stands_at - 1)
        seen = f"{len(fronts)} parts, {period_ms:.1f} ms a count"
        checks.no_faults("encoder: each part has its pulse at its count", counted_faults(events, fronts, Output.PASS_PULSE, way), seen)
        stood = [pulse for pulse in pulses(events, "PASS") if pulse.rise_ms < times[stands_at] <= (pulse.fall_ms or 0)]
        open_ms = [round(pulse.width_ms) for pulse in stood]
        checks.holds("encoder: a belt that stands holds no gate open", len(stood) == 1, f"open for {open_ms} ms of {STANDS_S} s")
        checks.holds("encoder: READY goes on while the belt stands", _beats(events, times[stands_at], times[stands_at + 1]) >= STANDS_S)
        # The last parts still lie before the rejector: a station that is stopped does not wait for them for ever.
        # Nothing lies before the sensor then, or the next station would not see how it came.
        station.device.say(turns.program([2 * PITCH + LENGTH], first_count=stands_at + runs_on), limit_s=60)
        station.clear_trace()
        station.device.say(f"systemctl stop {station.unit}", limit_s=60)
        high = [wire for wire in ("PASS", "REJECT", "READY", "BUSY") if station.level(wire)]
        passed = pulses(station.events(), "PASS")
        checks.holds("encoder: stopped with parts on a belt that stands, nothing passes", not high and not passed, f"{high} {passed}")
    finally:
        station.site = site


def _beats(events, start_ms, end_ms):
    return sum(start_ms <= pulse.rise_ms <= end_ms for pulse in pulses(events, "READY"))
