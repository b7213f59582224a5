"""The kernel's trace is read as it is written, without a device."""

import unittest
from pathlib import Path

from wiretrace import Level, Mark, Pulse, TraceLost, between, marks, parse, pulses

NAMES = {512: "SENSOR", 513: "PASS", 515: "READY"}
HEAD = """\
# tracer: nop
#
# entries-in-buffer/entries-written: 5/5   #P:2
#
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
#              | |         |   |||||     |         |
"""
TEXT = HEAD + """\
            bash-211     [001] .....    61.250000: tracing_mark_write: part 1 comes
       twinspect-198     [000] .....    61.300125: gpio_value: 513 set 1
       twinspect-198     [000] .....    61.320000: gpio_value: 513 get 1
           <...>-77      [000] d..1.    61.340000: gpio_value: 999 set 1
       twinspect-198     [000] .....    61.350250: gpio_value: 513 set 0
"""


class Parsing(unittest.TestCase):
    def test_levels_and_marks_in_order(self):
        events = parse(TEXT, NAMES)
        self.assertEqual(
            events, [Mark(61250.0, "part 1 comes"), Level(61300.125, "PASS", True), Level(61350.25, "PASS", False)]
        )
        self.assertEqual(marks(events, "part 1 comes"), [61250.0])
        self.assertEqual(between(events, 61260, 61310), events[1:2])

    def test_a_trace_that_has_dropped_events_proves_nothing(self):
        with self.assertRaises(TraceLost):
            parse(TEXT.replace("5/5", "5/9000"), NAMES)
        with self.assertRaises(TraceLost):
            parse(TEXT + "CPU:1 [LOST 12 EVENTS]\n", NAMES)

    def test_nothing_is_read_from_nothing(self):
        self.assertEqual(parse("", NAMES), [])
        self.assertEqual(parse(HEAD, NAMES), [])


class Pulses(unittest.TestCase):
    def test_setting_a_level_again_is_no_edge(self):
        levels = [(1, False), (2, True), (3, True), (5, False), (6, False), (9, True)]
        events = [Level(at_ms, "PASS", high) for at_ms, high in levels]
        self.assertEqual(pulses(events, "PASS"), [Pulse(2, 5), Pulse(9, None)])
        self.assertEqual(pulses(events, "READY"), [])
        self.assertEqual([pulse.width_ms for pulse in pulses(events, "PASS")], [3, None])


class Recorded(unittest.TestCase):
    """A trace that was taken from a device, in which `gpioset` drove the wires. It gave them back while they were high."""

    def test_a_recorded_trace(self):
        text = (Path(__file__).parent / "data" / "trace.txt").read_text()
        events = parse(text, NAMES)
        self.assertEqual([marks(events, f"part {number} comes")[0] for number in (1, 2, 3)], [38036.704, 38420.659, 38780.075])
        passes, beats = pulses(events, "PASS"), pulses(events, "READY")
        self.assertEqual([round(pulse.rise_ms) for pulse in passes], [38056, 38216])
        self.assertEqual([pulse.fall_ms and round(pulse.fall_ms) for pulse in passes], [38159, None])
        self.assertEqual([round(pulse.width_ms) for pulse in beats if pulse.width_ms], [61])
        self.assertEqual(pulses(events, "REJECT"), [])


if __name__ == "__main__":
    unittest.main()
