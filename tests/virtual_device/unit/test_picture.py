"""PNG files with each filter, against their pixels."""

import struct
import unittest
import zlib

import picture


def png(width, lines):
    """A PNG file of lines that are filtered already."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, len(lines), 8, 2, 0, 0, 0)
    return picture.SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"".join(lines))) + chunk(b"IEND", b"")


class Pictures(unittest.TestCase):
    """What is read is what was written."""

    def test_each_filter(self):
        lines = [
            bytes([0, 10, 20, 30, 40, 50, 60]),
            bytes([1, 10, 20, 30, 30, 30, 30]),
            bytes([2, 0, 0, 0, 0, 0, 0]),
            bytes([3, 5, 10, 15, 15, 15, 15]),
            bytes([4, 0, 0, 0, 0, 0, 0]),
        ]
        width, rows = picture.read(png(2, lines))
        self.assertEqual(width, 2)
        self.assertEqual(rows, [[(10, 20, 30), (40, 50, 60)]] * 5)

    def test_bars(self):
        line = bytes([0]) + bytes([9, 9, 9]) * 4 + bytes([200, 100, 0]) * 4
        self.assertEqual(picture.bars(png(8, [line] * 2), count=2), [(9, 9, 9), (200, 100, 0)])

    def test_what_is_no_picture(self):
        with self.assertRaises(ValueError):
            picture.read(b"GIF89a")


if __name__ == "__main__":
    unittest.main()
