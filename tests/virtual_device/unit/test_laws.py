"""The laws of the wires catch each kind of wrong pulse, without a device."""

import unittest
from dataclasses import replace

from laws import (
    Output,
    Part,
    Timing,
    Verdict,
    excuse,
    longest_pause_ms,
    parts,
    pulse_faults,
    silence_faults,
    widths_ms,
)
from wiretrace import Level, Mark, Pulse

TIMING = Timing(delay_ms=1000, pulse_ms=300, late_max_ms=200)
VERDICTS = [Verdict.PASS, Verdict.FAIL, Verdict.PASS, Verdict.NO_RESULT, Verdict.PASS]
# One part a half second; its front comes within 2 ms after the mark.
BROUGHT = [Part(number, verdict, number * 500.0, number * 500.0 + 2) for number, verdict in enumerate(VERDICTS, 1)]


def wire(pulses, name="PASS"):
    """The events of these pulses."""
    events = []
    for pulse in pulses:
        events.append(Level(pulse.rise_ms, name, True))
        if pulse.fall_ms is not None:
            events.append(Level(pulse.fall_ms, name, False))
    return events


def right(output=Output.PASS_PULSE):
    """The pulses of a sound station, by the part's number."""
    due = [part for part in BROUGHT if output.pulses_for(part.verdict)]
    return {part.number: Pulse(part.before_ms + 1001, part.before_ms + 1301) for part in due}


def faults(pulses, output=Output.PASS_PULSE):
    """What the laws say of these pulses."""
    return pulse_faults(wire(sorted(pulses, key=lambda pulse: pulse.rise_ms), output.wire), BROUGHT, output, TIMING)


class PulseLaws(unittest.TestCase):
    def test_a_sound_station_has_no_faults_in_either_mode(self):
        for output in Output:
            self.assertEqual(faults(right(output).values(), output), [])

    def test_late_starts_shorten_a_pulse_and_are_no_fault(self):
        pulses = right()
        pulses[3] = replace(pulses[3], rise_ms=pulses[3].rise_ms + 150)
        self.assertEqual(faults(pulses.values()), [])

    def check(self, changed, *expected):
        pulses = right() | changed
        found = faults([pulse for pulse in pulses.values() if pulse])
        self.assertEqual(len(found), len(expected), found)
        for fault, words in zip(found, expected):
            self.assertIn(words, fault)

    def test_a_lost_pulse(self):
        self.check({3: None}, "part 3 (pass): 0 pulses on PASS, expected 1")

    def test_a_pulse_for_a_part_that_must_not_pass(self):
        self.check({2: Pulse(2001, 2301)}, "part 2 (fail): 1 pulses")
        self.check({4: Pulse(3001, 3301)}, "part 4 (no_result): 1 pulses")

    def test_a_pulse_that_is_early_by_a_millisecond_hits_the_neighbour(self):
        self.check({3: Pulse(2499, 2800)}, "a pulse at 2499.0 ms, where no part is", "part 3 (pass): 0 pulses")

    def test_a_pulse_that_is_too_late(self):
        self.check({5: Pulse(3703, 4000)}, "a pulse at 3703.0 ms, where no part is", "part 5 (pass): 0 pulses")

    def test_two_pulses_for_one_part(self):
        self.check({3: Pulse(2501, 2550), 33: Pulse(2600, 2801)}, "part 3 (pass): 2 pulses")

    def test_a_pulse_that_ends_early_or_late_or_never(self):
        self.check({3: Pulse(2501, 2799)}, "ends 299.0 ms after its place")
        self.check({3: Pulse(2501, 3003)}, "ends 503.0 ms after its place")
        self.check({5: Pulse(3501, None)}, "part 5 (pass): its pulse has no end")

    def test_a_pulse_before_the_first_part(self):
        self.check({0: Pulse(100, 200)}, "a pulse at 100.0 ms, where no part is")

    def test_an_excused_part_may_be_rejected_and_nothing_else(self):
        pulses = right()
        del pulses[3]
        given = wire(pulses.values())
        self.assertEqual(pulse_faults(given, BROUGHT, Output.PASS_PULSE, TIMING, excused={3}), [])
        self.assertEqual(len(pulse_faults(given, BROUGHT, Output.PASS_PULSE, TIMING, excused={5})), 1)
        wrong = wire([*pulses.values(), Pulse(5001, 5301)])
        self.assertEqual(len(pulse_faults(wrong, BROUGHT, Output.PASS_PULSE, TIMING, excused={3, 5})), 1)
        passed = sorted([*right().values(), Pulse(2001, 2301)], key=lambda pulse: pulse.rise_ms)
        self.assertEqual(len(pulse_faults(wire(passed), BROUGHT, Output.PASS_PULSE, TIMING, excused={2})), 1)

    def test_parts_under_way_in_a_stretch_of_time_are_excused(self):
        # Parts come at 500, 1000, ... 2500 and take 1000 to the rejector.
        self.assertEqual(excuse(BROUGHT, 1600, 2100, TIMING), {2, 3, 4})
        self.assertEqual(excuse(BROUGHT, 9000, 9500, TIMING), set())

    def test_the_other_mode_expects_the_other_parts(self):
        found = faults(right().values(), Output.REJECT_PULSE)
        self.assertEqual(len(found), len(VERDICTS), found)


class OtherLaws(unittest.TestCase):
    def test_parts_come_from_marks(self):
        events = [Mark(1, "part 7 comes"), Mark(2, "part 7 is there")]
        self.assertEqual(parts(events, [Verdict.PASS], first=7), [Part(7, Verdict.PASS, 1, 2)])
        with self.assertRaisesRegex(ValueError, "part 8"):
            parts(events, [Verdict.PASS], first=8)
        with self.assertRaisesRegex(ValueError, "2 and 2 marks"):
            parts(events * 2, [Verdict.PASS], first=7)

    def test_silence(self):
        events = wire([Pulse(10, 20), Pulse(50, 60)])
        self.assertEqual(silence_faults(events, ["PASS", "REJECT"], 21, 49), [])
        self.assertEqual(len(silence_faults(events, ["PASS", "REJECT"], 5, 55)), 2)

    def test_the_longest_pause_counts_both_ends(self):
        beats = wire([Pulse(100, 150), Pulse(200, 250), Pulse(450, 500)], "READY")
        self.assertEqual(longest_pause_ms(beats, "READY", 90, 500), 250)
        self.assertEqual(longest_pause_ms(beats, "READY", 90, 1500), 1050)
        self.assertEqual(longest_pause_ms([], "READY", 0, 700), 700)

    def test_widths(self):
        self.assertEqual(widths_ms(wire([Pulse(0, 3), Pulse(5, 6), Pulse(8, 10), Pulse(20, None)]), "PASS"), (1, 2, 3))
        self.assertIsNone(widths_ms([], "PASS"))


if __name__ == "__main__":
    unittest.main()
