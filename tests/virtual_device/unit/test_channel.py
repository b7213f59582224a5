"""Answers are found whatever pieces they come in, without a device."""

import base64
import unittest

from channel import Answers


def line(ident, status, output):
    """An answer as the agent writes it."""
    return f"{ident} {status} {base64.b64encode(output.encode()).decode()}\n".encode()


class Channel(unittest.TestCase):
    def test_answers_come_in_pieces(self):
        answers = Answers()
        for byte in line(1, 0, "up\n") + line(2, 7, "näh"):
            answers.feed(bytes([byte]))
        self.assertEqual(answers.take(2), (7, "näh"))
        self.assertEqual(answers.take(1), (0, "up\n"))
        self.assertIsNone(answers.take(1))

    def test_a_command_may_say_nothing(self):
        answers = Answers()
        answers.feed(b"3 1 \n")
        self.assertEqual(answers.take(3), (1, ""))

    def test_noise_is_no_answer(self):
        answers = Answers()
        answers.feed(b"\n[  12.0] kernel says something\n4 x\n" + line(4, 0, "x"))
        self.assertEqual(answers.take(4), (0, "x"))


if __name__ == "__main__":
    unittest.main()
