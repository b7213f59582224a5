"""The log is read as it is written, without a device."""

import unittest

from journal import Told, told
from laws import Verdict

TEXT = """\
line: ready
line: part=7 verdict=pass reason=- score=0.635 seen_by=- took_ms=14.7 name=test/00-pass/000
line: part=8 verdict=pass reason=- score=0.6 seen_by=- took_ms=24.5 name=test/01-fail/000
line: part=9 verdict=no_result reason=no_colour score=- seen_by=- took_ms=20.9 name=test/04-no_result/000
line: part=10 verdict=no_result reason=inspector score=- seen_by=- took_ms=- name=-
line: part=11 verdict=no_result reason=late score=- seen_by=- took_ms=9000.1 name=test/00-pass/000
"""


class Journal(unittest.TestCase):
    def test_what_is_due_comes_from_the_recorded_part_and_not_from_what_was_said_of_it(self):
        self.assertEqual(told(TEXT)[8], Told(Verdict.FAIL, True))

    def test_parts_that_nobody_judged_in_time_are_rejected(self):
        found = told(TEXT)
        self.assertEqual([found[number].due for number in (7, 9, 10, 11)], [Verdict.PASS] + [Verdict.NO_RESULT] * 3)
        self.assertEqual([number for number, part in found.items() if not part.looked_at], [10, 11])

    def test_other_lines_are_no_parts(self):
        self.assertEqual(told("line: ready\nx part=1 verdict=pass\n"), {})


if __name__ == "__main__":
    unittest.main()
