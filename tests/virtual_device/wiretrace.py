"""What the kernel saw on the wires: the text of its trace, as events. Pure: no device is needed.

The tracepoint gpio:gpio_value speaks of every level that a driver sets, with the clock of the edge events
(CLOCK_MONOTONIC, `trace_clock` mono). What the tests do is written into the same trace as marks. That a wire falls to its
pull because its process has died is no event: for that, read the wire.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Level:
    """A process has set a wire."""

    at_ms: float
    wire: str
    high: bool


@dataclass(frozen=True)
class Mark:
    """The tests have done something."""

    at_ms: float
    text: str


class TraceLost(Exception):
    """The kernel's buffer was too small, so the trace proves nothing."""


EVENT = re.compile(
    r"\s(?P<at_s>\d+\.\d+): "
    r"(?:gpio_value: (?P<number>\d+) (?P<what>set|get) (?P<level>[01])|tracing_mark_write: (?P<text>.*))$"
)
ENTRIES = re.compile(r"# entries-in-buffer/entries-written: (\d+)/(\d+)")


def parse(text, names):
    """The events of a trace, in the kernel's order. `names` has the wire of each number; of other numbers nothing is
    said. Reading a wire is no event.
    """
    events = []
    for line in text.splitlines():
        entries = ENTRIES.match(line)
        if "LOST" in line and "EVENTS" in line or entries and entries[1] != entries[2]:
            raise TraceLost(f"the kernel has dropped events: {line.strip()}")
        found = EVENT.search(line)
        if not found:
            continue
        at_ms = float(found["at_s"]) * 1e3
        if found["text"] is not None:
            events.append(Mark(at_ms, found["text"].strip()))
        elif found["what"] == "set" and int(found["number"]) in names:
            events.append(Level(at_ms, names[int(found["number"])], found["level"] == "1"))
    return events


def marks(events, text):
    """When a mark was made, each time."""
    return [event.at_ms for event in events if isinstance(event, Mark) and event.text == text]


def between(events, start_ms, end_ms):
    """The events of a stretch of time."""
    return [event for event in events if start_ms <= event.at_ms <= end_ms]


@dataclass(frozen=True)
class Pulse:
    """A wire was high from `rise_ms` to `fall_ms`, which is None if it was not set low again."""

    rise_ms: float
    fall_ms: float | None

    @property
    def width_ms(self):
        """How long it lasted."""
        return None if self.fall_ms is None else self.fall_ms - self.rise_ms


def pulses(events, wire):
    """The pulses of a wire that was low before. Setting it to the level that it has is no edge."""
    found, rise_ms = [], None
    for event in events:
        if not isinstance(event, Level) or event.wire != wire:
            continue
        if event.high and rise_ms is None:
            rise_ms = event.at_ms
        elif not event.high and rise_ms is not None:
            found.append(Pulse(rise_ms, event.at_ms))
            rise_ms = None
    if rise_ms is not None:
        found.append(Pulse(rise_ms, None))
    return found
