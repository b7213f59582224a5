"""Parts with known verdicts: the right pulses, in order, in their windows, and nothing else."""

from belt import bring, mark
from laws import Output, longest_pause_ms, parts, pulse_faults, widths_ms
from site_files import DEBOUNCE_MS, RealSite
from wiretrace import marks

# READY changes its level each 100 ms, so it rises each 200 ms; an emulated machine adds its own pauses.
READY_PAUSE_MAX_MS = 1500
# Tries to make a pulse that is shorter than the debounce time.
GLITCHES_MAX = 5


def many(station, checks, output, count):
    """Brings parts of each kind and holds the wires to the laws."""
    station.play(output)
    checks.holds(f"{output.value}: READY beats", station.start())
    # What lay on the way at the start is rejected, with a REJECT pulse by a wire that is high until then.
    station.settle()
    checks.holds(f"{output.value}: at rest without parts", not station.level(output.wire))
    station.clear_trace()
    first = station.bring(count)
    station.settle()
    events = station.events()
    brought = parts(events, station.verdicts(first, count), first)
    kinds = {verdict.value: sum(part.verdict is verdict for part in brought) for verdict in {p.verdict for p in brought}}
    smallest, middle, largest = widths_ms(events, output.wire) or (0, 0, 0)
    seen = f"{count} parts, {kinds}; pulses of {smallest:.1f} to {largest:.1f} ms, median {middle:.1f}"
    checks.no_faults(f"{output.value}: each part has its pulse", pulse_faults(events, brought, output, station.timing), seen)
    pause_ms = longest_pause_ms(events, "READY", brought[0].before_ms, brought[-1].after_ms)
    checks.holds(f"{output.value}: READY beats all the time", pause_ms < READY_PAUSE_MAX_MS, f"longest pause {pause_ms:.0f} ms")
    other = Output.REJECT_PULSE if output is Output.PASS_PULSE else Output.PASS_PULSE
    checks.holds(f"{output.value}: the other wire is still", widths_ms(events, other.wire) is None and not station.level(other.wire))


def glitches(station, checks):
    """What is shorter than the debounce time is no part; the next real one is."""
    sensor = station.wires.pull("SENSOR")
    glitch = f"{mark('up')}; echo pull-up >{sensor}; echo pull-down >{sensor}; {mark('down')}"
    for _ in range(GLITCHES_MAX):
        station.clear_trace()
        station.device.say(glitch)
        events = station.events()
        width_ms = marks(events, "down")[0] - marks(events, "up")[0]
        if width_ms < DEBOUNCE_MS:
            break
        # An emulated machine has stood still in between, and this was a part.
        station.settle()
        station.brought += 1
    checks.holds("a glitch can be made", width_ms < DEBOUNCE_MS, f"{width_ms:.1f} ms")
    station.settle()
    first = station.bring(1)
    station.settle()
    events = station.events()
    brought = parts(events, station.verdicts(first, 1), first)
    faults = pulse_faults(events, brought, Output.PASS_PULSE, station.timing)
    checks.no_faults("a glitch is no part", faults, "one part, judged by its own picture")


def reload(station, checks, count=20):
    """A reload that changes something and one that is refused, while parts are under way: none is lost."""
    station.clear_trace()
    first = station.brought + 1
    station.brought += count
    pause_s = f"{count * 0.12:.1f}"
    file = station.configuration
    said = station.device.say(
        f"""
({bring(station.wires, first, count, 0.12, 0.4)}) &
cp {file} /run/kept
sleep {pause_s}; sed 's/^deadline_ms = .*/deadline_ms = 2000.0/' /run/kept >{file}
systemctl reload {station.unit}; echo "a deadline: status $?"
sleep {pause_s}; echo 'nonsense = 1' >>{file}
systemctl reload {station.unit} 2>/dev/null; echo "nonsense: status $?"
wait; cat /run/kept >{file}; systemctl reload {station.unit}; echo "as before: status $?"
""",
        limit_s=60 + 4 * count,
    ).splitlines()
    station.settle()
    events = station.events()
    brought = parts(events, station.verdicts(first, count), first)
    checks.no_faults("reloads lose no part", pulse_faults(events, brought, Output.PASS_PULSE, station.timing), f"{count} parts")
    statuses = [line.rsplit(" ", 1)[1] for line in said if ": status " in line]
    checks.holds("reloads are taken over or refused", statuses[::2] == ["0", "0"] and statuses[1:2] not in ([], ["0"]), ", ".join(said))
    checks.holds("the log names the key that is refused", "nonsense" in station.journal(400))


def real(station, checks):
    """Parts of the demo by a shipped model, one at a time: an emulated machine takes seconds for each."""
    site, station.site = station.site, RealSite()
    try:
        station.play(Output.PASS_PULSE)
        checks.holds("real model: READY beats", station.start())
        count = len(station.site.sequence)
        first = station.bring(count, gap_s=station.site.gap_s)
        station.settle()
        events = station.events()
        brought = parts(events, station.verdicts(first, count), first)
        faults = pulse_faults(events, brought, Output.PASS_PULSE, station.timing)
        log = [line for line in station.log(station.invocation()).splitlines() if "verdict=" in line]
        checks.no_faults("real model: each part has its pulse", faults, "; ".join(log))
        checks.holds("real model: each verdict is the engine's", not any("no_result" in line for line in log) and len(log) == count)
    finally:
        station.site = site
