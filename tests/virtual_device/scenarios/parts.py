"""Parts with known verdicts: the right pulses, in order, in their windows, and nothing else."""

from belt import bring
from laws import Output, longest_pause_ms, parts, pulse_faults, widths_ms

# READY changes its level each 100 ms, so it rises each 200 ms; an emulated machine adds its own pauses.
READY_PAUSE_MAX_MS = 1500


def many(station, checks, output, count):
    """Brings parts of each kind and holds the wires to the laws."""
    station.play(output)
    checks.holds(f"{output.value}: READY beats", station.start())
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
    station.clear_trace()
    sensor = station.wires.pull("SENSOR")
    station.device.say(f"echo pull-up >{sensor}; echo pull-down >{sensor}")
    first = station.bring(1)
    station.settle()
    events = station.events()
    brought = parts(events, station.verdicts(first, 1), first)
    faults = pulse_faults(events, brought, Output.PASS_PULSE, station.timing)
    checks.no_faults("a glitch is no part", faults, "one part, judged by its own picture")


def reload(station, checks, count=20):
    """A reload with a good and one with a bad configuration, while parts are under way: none is lost."""
    station.clear_trace()
    first = station.brought + 1
    station.brought += count
    half = count // 2
    status, said = station.device.run(
        f"""
({bring(station.wires, first, count, 0.05, 0.45)}) &
sleep {half * 0.25:.1f}; systemctl reload {station.unit}; echo "good: $?"
cp {station.configuration} /run/kept; echo 'nonsense = 1' >>{station.configuration}
sleep {half * 0.25:.1f}; systemctl reload {station.unit}; echo "bad: $?"
wait; cp /run/kept {station.configuration}
""",
        limit_s=60 + 4 * count,
    )
    station.settle()
    events = station.events()
    brought = parts(events, station.verdicts(first, count), first)
    checks.no_faults("reloads lose no part", pulse_faults(events, brought, Output.PASS_PULSE, station.timing), said.strip().replace("\n", ", "))
    journal = station.journal(400)
    checks.holds("a bad configuration is refused by name", "nonsense" in journal, f"status {status}")
