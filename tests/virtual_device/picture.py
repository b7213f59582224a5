"""The pixels of a PNG file of 8-bit colours, as the program writes them. Pure."""

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def read(data):
    """Width, and rows of (red, green, blue)."""
    if not data.startswith(SIGNATURE):
        raise ValueError("no PNG file")
    at, packed = len(SIGNATURE), b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", body[:10])
            if (depth, colour, body[12]) != (8, 2, 0):
                raise ValueError(f"no plain colours of 8 bits: {depth}, {colour}")
        elif kind == b"IDAT":
            packed += body
        at += 12 + length
    raw, stride = zlib.decompress(packed), 3 * width
    rows, above = [], bytes(stride)
    for y in range(height):
        start = y * (stride + 1)
        above = _unfilter(raw[start], raw[start + 1 : start + 1 + stride], above)
        rows.append([tuple(above[x : x + 3]) for x in range(0, stride, 3)])
    return width, rows


def bars(data, count=8, skip=0.25):
    """The mean colour of each of so many bars from left to right, without their edges."""
    width, rows = read(data)
    found = []
    for bar in range(count):
        left, right = ((bar + share) * width / count for share in (skip, 1 - skip))
        pixels = [pixel for row in rows for pixel in row[round(left) : round(right)]]
        found.append(tuple(sum(pixel[channel] for pixel in pixels) / len(pixels) for channel in range(3)))
    return found


def _unfilter(kind, line, above):
    line = bytearray(line)
    for x in range(len(line)):
        left = line[x - 3] if x >= 3 else 0
        up, corner = above[x], above[x - 3] if x >= 3 else 0
        line[x] = (line[x] + _predicted(kind, left, up, corner)) % 256
    return bytes(line)


def _predicted(kind, left, up, corner):
    if kind == 4:
        estimate = left + up - corner
        return min((left, up, corner), key=lambda near: abs(estimate - near))
    return (0, left, up, (left + up) // 2)[kind]
