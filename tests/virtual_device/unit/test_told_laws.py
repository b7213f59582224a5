"""The laws of the handshake catch each kind of wrong telling, without a device."""

import unittest

from laws import Verdict
from told_laws import levels_at, told_faults
from wiretrace import Level, Mark

VERDICTS = [Verdict.PASS, Verdict.NO_RESULT]
SOUND = [
    Level(0, "OK", True),
    Level(20, "RESULT_VALID", True),
    Mark(30, "result 1 is read"),
    Level(31, "OK", False),
    Level(31, "RESULT_VALID", False),
    Mark(32, "result 1 is over"),
    Level(40, "NG", True),
    Level(40, "ERROR", True),
    Level(60, "RESULT_VALID", True),
    Mark(70, "result 2 is read"),
    Level(71, "RESULT_VALID", False),
    Level(71, "NG", False),
    Level(71, "ERROR", False),
]


def changed(place, *events):
    """The sound telling with other events in a place."""
    return [*SOUND[:place], *events, *SOUND[place + 1 :]]


class ToldLaws(unittest.TestCase):
    def check(self, events, *expected):
        found = told_faults(events, VERDICTS, 20)
        self.assertEqual(len(found), len(expected), found)
        for fault, words in zip(found, expected):
            self.assertIn(words, fault)

    def test_a_sound_station_has_no_faults(self):
        self.check(SOUND)

    def test_a_wrong_result(self):
        self.check([*changed(0, Level(0, "NG", True))[:3], Level(31, "NG", False), *SOUND[4:]], "result 1: ['NG'] are high")

    def test_no_result_without_ng(self):
        self.check(changed(6), "result 2: ['ERROR'] are high")

    def test_valid_too_soon(self):
        self.check(changed(1, Level(19, "RESULT_VALID", True)), "rose 19.0 ms after")

    def test_a_result_that_changes_or_ends_before_it_was_read(self):
        self.check(changed(9), "result 2: RESULT VALID fell before it was read")
        self.check([*SOUND[:9], Level(65, "ERROR", False), *SOUND[9:12]], "result 2: ERROR changed before it was read")

    def test_a_result_that_is_missing_or_stays(self):
        self.check(SOUND[:6], "1 results were told")
        self.check(SOUND[:-1], "at the end ['ERROR'] are high")

    def test_levels_are_those_of_a_moment(self):
        self.assertEqual(levels_at(SOUND, 50, {"OK", "NG", "ERROR"}), {"NG", "ERROR"})


if __name__ == "__main__":
    unittest.main()
