"""Figures out of an answer."""

import unittest

from figures import parts_by_verdict, samples, status_and_body

TEXT = """\
# HELP twinspect_parts_total Parts that have left.
# TYPE twinspect_parts_total counter
twinspect_parts_total{station="station",verdict="pass"} 7
twinspect_parts_total{station="station",verdict="fail",reason="rgb"} 2
twinspect_parts_total{station="station",verdict="fail",reason="both"} 1
twinspect_parts_total_of_others{verdict="pass"} 90
twinspect_up{station="station"} 1
twinspect_uptime_seconds 12.5
"""


class Figures(unittest.TestCase):
    """Of a station's text."""

    def test_parts_are_counted_by_verdict(self):
        self.assertEqual(parts_by_verdict(TEXT), {"pass": 7, "fail": 3})
        self.assertEqual(parts_by_verdict(""), {})

    def test_samples_have_labels_and_a_value(self):
        self.assertEqual(samples(TEXT, "twinspect_up"), [({"station": "station"}, 1.0)])
        self.assertEqual(samples(TEXT, "twinspect_uptime_seconds"), [({}, 12.5)])
        self.assertEqual(samples(TEXT, "twinspect_parts"), [])

    def test_an_answer_is_taken_apart(self):
        self.assertEqual(status_and_body("HTTP/1.1 404 Not Found\r\nA: b\r\n\r\nno\r\n"), (404, "no\n"))
        self.assertEqual(status_and_body("bash: connect: Connection refused"), (0, ""))


if __name__ == "__main__":
    unittest.main()
