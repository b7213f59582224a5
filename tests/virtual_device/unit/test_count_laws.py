"""The laws of counted places catch each kind of wrong pulse, without a device."""

import unittest

from count_laws import Way, counted_faults, first_times
from laws import Output, Verdict
from wiretrace import Level, Mark

WAY = Way(delay=10, pulse=4, pulse_max_ms=500, late_max_ms=100)
FRONTS = [(1, Verdict.PASS, 10), (2, Verdict.FAIL, 30), (3, Verdict.PASS, 50)]


def belt(stands_at=None, stands_ms=0.0):
    """A count each 20 ms, with a stop after one of them."""
    stop = 99 if stands_at is None else stands_at
    return [Mark(count * 20.0 + (stands_ms if count > stop else 0), f"count {count} comes") for count in range(1, 80)]


def faults(*edges, events=None):
    """What the laws say of a PASS wire that goes up and down at these times."""
    levels = [Level(at_ms, "PASS", place % 2 == 0) for place, at_ms in enumerate(edges)]
    return counted_faults(sorted((events or belt()) + levels, key=lambda event: event.at_ms), FRONTS, Output.PASS_PULSE, WAY)


class CountLaws(unittest.TestCase):
    def test_a_sound_station_has_no_faults(self):
        self.assertEqual(faults(401, 481, 1250, 1282), [])

    def test_early_late_lost_and_foreign_pulses(self):
        self.assertEqual(len(faults(399, 481, 1201, 1282)), 2)
        self.assertEqual(len(faults(501, 520, 1201, 1282)), 2)
        self.assertEqual(len(faults(401, 481)), 1)
        self.assertEqual(len(faults(401, 481, 801, 881, 1201, 1282)), 1)

    def test_a_pulse_that_ends_early_late_or_never(self):
        for edges in ((401, 479, 1201, 1282), (401, 582, 1201, 1282), (401, 481, 1201)):
            self.assertEqual(len(faults(*edges)), 1, edges)

    def test_on_a_belt_that_stands_a_pulse_ends_by_its_time(self):
        stands = belt(stands_at=22, stands_ms=3000)
        self.assertEqual(faults(401, 905, 4201, 4282, events=stands), [])
        self.assertEqual(len(faults(401, 1100, 4201, 4282, events=stands)), 1)

    def test_a_belt_that_turns_back_makes_no_new_places(self):
        events = [Mark(1.0, "count 5 comes"), Mark(2.0, "count 4 comes"), Mark(3.0, "count 5 comes")]
        self.assertEqual(first_times(events), {5: 1.0, 4: 2.0})


if __name__ == "__main__":
    unittest.main()
