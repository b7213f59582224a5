"""Processes that are killed, hang and crash: they come back, and the wires are safe meanwhile."""

import time

from belt import bring, mark
from laws import Output, excuse, parts, pulse_faults, silence_faults
from wiretrace import marks, pulses

# Longer than READY's own beat and pauses of the emulated machine, shorter than a restart.
READY_GONE_MS = 700
# From the death of the line process to the READY of the next one, in the emulated machine.
RETURN_MAX_S = 120


def inspect_process(station, checks, name, signal, count=40):
    """The inspect process gets a signal while parts are under way."""
    station.clear_trace()
    before = station.inspect_process()
    first = station.brought + 1
    station.brought += count
    station.device.say(
        f"""
({bring(station.wires, first, count, 0.12, 0.7)}) &
sleep 4; {mark("hit")}; {_strike(signal, before)}; wait
""",
        limit_s=60 + 5 * count,
    )
    returned = _wait_for_return(station)
    tail = station.bring(5)
    station.settle()
    events = station.events()
    (hit,) = marks(events, "hit")
    checks.holds(f"{name}: READY falls and comes back", returned is not None, f"after {(returned or hit) - hit:.0f} ms")
    total = count + 5
    brought, unjudged = _judged(station, events, first, total, station.invocation())
    hurt = excuse(brought, hit, returned or brought[-1].after_ms, station.timing)
    faults = pulse_faults(events, brought, Output.PASS_PULSE, station.timing)
    checks.no_faults(f"{name}: each part that was judged has its pulse, and no other", faults, f"{total} parts")
    strange = [f"part {number} was not judged" for number in unjudged - hurt]
    checks.no_faults(f"{name}: all but those under way were judged", strange, f"{len(unjudged)} parts were not, {len(hurt)} under way")
    checks.holds(f"{name}: parts afterwards were judged", not unjudged & set(range(tail, tail + 5)))
    after = station.inspect_process()
    checks.holds(f"{name}: another process judges", after not in ("", before), f"{before}, then {after}")


def line_process(station, checks, name, signal):
    """The line process gets a signal while parts are under way."""
    station.clear_trace()
    restarts = station.restarts()
    pid = station.line_process()
    passing, ready = station.wires.value("PASS"), station.wires.value("READY")
    levels = station.device.say(
        f"""
({bring(station.wires, station.brought + 1, 12, 0.12, 0.7)}) &
sleep 4; {mark("hit")}; {_strike(signal, pid)}; {mark("struck")}
sleep 0.2; echo "$(<{passing})$(<{ready})"; wait
""",
        limit_s=120,
    )
    returned = _wait_for_return(station)
    events = station.events()
    (hit,) = marks(events, "hit")
    checks.holds(f"{name}: systemd starts it again", returned is not None and station.restarts() == restarts + 1, f"READY beats {(returned or hit) - hit:.0f} ms later")
    if signal != "STOP":
        # A process that stands still holds its wires as they are: see docs/line.md.
        checks.holds(f"{name}: wires fall", levels.splitlines()[-1] == "00", f"PASS and READY are {levels}")
    # It lives until the last of several signals.
    (struck,) = marks(events, "struck")
    quiet_from = struck + (station.timing.pulse_ms if signal == "STOP" else 0)
    checks.no_faults(f"{name}: nothing passes until it is back", silence_faults(events, ["PASS", "REJECT"], quiet_from, returned or events[-1].at_ms))
    again(station, checks, name)


def again(station, checks, name):
    """After a restart parts are judged as ever."""
    # Parts that came since the start have numbers of the new line process.
    station.settle()
    station.begin_anew()
    station.brought = max(station.told(station.invocation()), default=0)
    first = station.bring(10)
    station.settle()
    events = station.events()
    brought, unjudged = _judged(station, events, first, 10, station.invocation())
    faults = pulse_faults(events, brought, Output.PASS_PULSE, station.timing)
    checks.no_faults(f"{name}: parts are judged afterwards", faults + [f"part {number} was not judged" for number in unjudged], "10 parts")


def watchdog(station, checks):
    """A line process that stands still is noticed by systemd."""
    line_process(station, checks, "hung line process", "STOP")
    journal = station.device.say(f"journalctl --unit {station.unit} --output cat --no-pager | grep -i watchdog | tail -n 2")
    checks.holds("hung line process: the watchdog fired", "watchdog" in journal.lower(), journal.replace("\n", " | "))


def second_instance(station, checks):
    """A second program on the same station is refused, and the first one goes on."""
    command = f"setpriv --reuid twinspect --regid twinspect --init-groups twinspect run --config {station.configuration}"
    status, said = station.device.run(f"timeout 60 {command}", limit_s=90)
    checks.holds("a second instance is refused, and told by whom", status == 2 and station.line_process() in said, f"status {status}: {said.strip()}")
    station.clear_trace()
    again_first = station.bring(3)
    station.settle()
    events = station.events()
    brought = parts(events, station.verdicts(again_first, 3), again_first)
    checks.no_faults("the first instance goes on", pulse_faults(events, brought, Output.PASS_PULSE, station.timing))


def drain(station, checks, count=6):
    """SIGTERM: what is under way leaves, then all wires are low."""
    station.clear_trace()
    first, invocation = station.brought + 1, station.invocation()
    station.device.say(f"{bring(station.wires, first, count, 0.12, 0.25)}\n{mark('stop')}\nsystemctl stop {station.unit}", limit_s=120)
    events = station.events()
    brought, _ = _judged(station, events, first, count, invocation)
    checks.no_faults("stop: parts under way leave", pulse_faults(events, brought, Output.PASS_PULSE, station.timing), f"{count} parts")
    # The signal comes through systemd, which takes a while; the last part takes longer.
    last_ms = max(pulse.rise_ms for pulse in pulses(events, "PASS"))
    late = [pulse for pulse in pulses(events, "READY") if pulse.rise_ms > last_ms - READY_GONE_MS]
    low = not any(station.level(wire) for wire in ("PASS", "REJECT", "READY", "BUSY"))
    checks.holds("stop: all wires are low", low)
    checks.holds("stop: READY is silent while the last part leaves", not late, f"{len(late)} beats")
    result = station.device.say(f"systemctl show --property Result --value {station.unit}")
    checks.holds("stop: the unit ended well", result == "success", result)


def _strike(signal, pid):
    """Sends a signal. Rust's runtime takes the first SIGSEGV for a look at the stack, and dies by the second one."""
    return f"kill -{signal} {pid}; sleep 0.1; kill -{signal} {pid}" if signal == "SEGV" else f"kill -{signal} {pid}"


def _judged(station, events, first, count, invocation):
    """The parts with what is due to them by the station's log, and the numbers of those that nobody judged."""
    known = station.told(invocation)
    missing = [number for number in range(first, first + count) if number not in known]
    if missing:
        raise ValueError(f"the log says nothing of the parts {missing}")
    due = [known[number].due for number in range(first, first + count)]
    unjudged = {number for number in range(first, first + count) if not known[number].looked_at}
    return parts(events, due, first), unjudged


def _wait_for_return(station):
    """When READY beat again after the pause that the hit has made, or None if it does not."""
    until = time.monotonic() + RETURN_MAX_S
    while time.monotonic() < until:
        events = station.events()
        (hit,) = marks(events, "hit")
        returned = _return_ms(events, hit)
        if returned is not None:
            return returned
        time.sleep(1)
    return None


def _return_ms(events, hit):
    rises = [pulse.rise_ms for pulse in pulses(events, "READY") if pulse.rise_ms > hit]
    for earlier, later in zip([hit, *rises], rises):
        if later - earlier > READY_GONE_MS:
            return later
    return None
