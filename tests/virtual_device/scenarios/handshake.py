"""A machine that reads each result and acknowledges it, and one that does not."""

import time

from belt import bring, mark, read_results
from laws import Output, longest_pause_ms, parts, pulse_faults
from site_files import ToldSite
from told_laws import RESULT, levels_at, told_faults
from wiretrace import marks, pulses

# READY rises each 200 ms while it beats; an emulated machine adds its own pauses.
READY_GONE_MS = 1500
# From an acknowledgement that stays away to READY again, in the emulated machine.
RETURN_MAX_S = 60


def handshake(station, checks, count=30):
    """Each result is told, in order; one that is not read stops the line; then it goes on."""
    site, station.site = station.site, ToldSite(station.site.folder)
    try:
        station.play(Output.PASS_PULSE)
        checks.holds("handshake: READY beats", station.start())
        _told(station, checks, count, "each result is told")
        _not_read(station, checks)
        _told(station, checks, 5, "results are told again")
    finally:
        station.site = site


def _told(station, checks, count, name):
    station.clear_trace()
    first = station.brought + 1
    station.brought += count
    belt = bring(station.wires, first, count, 0.12, 0.4)
    limit_s = 30 + 2 * count
    machine = read_results(station.wires, count, limit_s)
    station.device.say(f"({machine}) & machine=$!\n{belt}\nwait $machine", limit_s=60 + 2 * limit_s)
    station.settle()
    events = station.events()
    verdicts = station.verdicts(first, count)
    checks.no_faults(f"handshake: {name}", told_faults(events, verdicts, station.site.setup_ms), f"{count} results")
    faults = pulse_faults(events, parts(events, verdicts, first), Output.PASS_PULSE, station.timing)
    checks.no_faults("handshake: pulses are as without it", faults)


def _not_read(station, checks):
    """Nobody acknowledges the result of one part."""
    station.clear_trace()
    station.bring(1)
    station.settle()
    station.device.say(f"sleep {station.site.ack_max_ms / 1e3 + 0.5:.1f}; {mark('too late')}")
    events = station.events()
    (at_ms,) = marks(events, "too late")
    high = levels_at(events, at_ms, {*RESULT, "RESULT_VALID"})
    checks.holds("handshake: an unread result is a fault that is shown", high == {"NG", "ERROR"}, str(sorted(high)))
    until = time.monotonic() + RETURN_MAX_S
    returned = None
    while returned is None and time.monotonic() < until:
        station.device.say("sleep 1")
        events = station.events()
        returned = _return_ms(events)
    pause_ms = longest_pause_ms(events, "READY", events[0].at_ms, returned or events[-1].at_ms)
    seen = f"silent for {pause_ms:.0f} ms"
    checks.holds("handshake: READY falls and comes back", returned is not None and pause_ms > READY_GONE_MS, seen)


def _return_ms(events):
    """When READY rose after its long pause, or None."""
    rises = [pulse.rise_ms for pulse in pulses(events, "READY")]
    return next((later for earlier, later in zip(rises, rises[1:]) if later - earlier > READY_GONE_MS), None)
