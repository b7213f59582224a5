#!/usr/bin/env python3
"""Draws the worst parts of several reports on one sheet (needs Pillow):

python3 docs/results/worst.py misses 2 worst-misses.jpg biscuit.html bracket.html
python3 docs/results/worst.py false-rejects 1 worst-false-rejects.jpg biscuit.html bracket.html

Pages are those of `twinspect-lab report`; the first word is the page's section, the second how many parts of each.
"""
import base64
import io
import sys
from html.parser import HTMLParser
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

SIDE, GAP, NAMES, HEAD = 168, 4, 150, 22
INK, PAPER, FINE = "#1c2026", "#ffffff", "#5c6670"


class Section(HTMLParser):
    """The parts of one section: a heading, what was said, pictures with captions."""

    def __init__(self, name):
        super().__init__()
        self.name, self.inside, self.parts, self.reads = name, False, [], None

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "section":
            self.inside = attributes.get("id") == self.name
        if not self.inside:
            return
        if tag == "article":
            self.parts.append({"h3": "", "p": "", "captions": [], "pictures": []})
        elif self.parts and tag in ("h3", "p"):
            self.reads = tag
        elif self.parts and tag == "figcaption":
            self.reads = tag
            self.parts[-1]["captions"].append("")
        elif self.parts and tag == "span" and "badge" in attributes.get("class", ""):
            self.reads = None
        elif self.parts and tag == "img":
            encoded = attributes["src"].split("base64,", 1)[1]
            self.parts[-1]["pictures"].append(Image.open(io.BytesIO(base64.b64decode(encoded))))

    def handle_endtag(self, tag):
        if tag in ("h3", "p", "figcaption", "section"):
            self.reads = None

    def handle_data(self, text):
        if self.reads == "figcaption":
            self.parts[-1]["captions"][-1] += text
        elif self.reads:
            self.parts[-1][self.reads] += " " + text if self.reads == "p" else text


def rows(section, count, page):
    """The first parts of a page's section: product, name, scores, pictures by caption."""
    parser = Section(section)
    parser.feed(Path(page).read_text())
    for part in parser.parts[:count]:
        _, kind, number = part["h3"].split("/")
        yield Path(page).stem, f"{kind} {number}", part["p"].split(), dict(zip(part["captions"], part["pictures"]))


def plain_text(text):
    """In signs that Pillow's own font has."""
    return text.replace("\u2019", "'").replace("\u2212", "-")


def scores(words):
    """`score 0.41 colour 0.11 height 0.31` a line each."""
    return [f"{name} {value}" for name, value in zip(words, words[1:]) if value[-1].isdigit()]


def sheet(parts):
    captions = list(dict.fromkeys(caption for *_, pictures in parts for caption in pictures))
    width = NAMES + len(captions) * (SIDE + GAP)
    drawn = Image.new("RGB", (width, HEAD + len(parts) * (SIDE + GAP)), PAPER)
    pen = ImageDraw.Draw(drawn)
    bold, plain = ImageFont.load_default(15), ImageFont.load_default(13)
    for column, caption in enumerate(captions):
        pen.text((NAMES + column * (SIDE + GAP), 3), plain_text(caption), FINE, plain)
    for row, (product, name, words, pictures) in enumerate(parts):
        top = HEAD + row * (SIDE + GAP)
        pen.text((6, top + 4), product, INK, bold)
        for line, text in enumerate([name, *scores(words)]):
            pen.text((6, top + 26 + 18 * line), plain_text(text), INK if line == 0 else FINE, plain)
        for column, caption in enumerate(captions):
            if caption in pictures:
                picture = pictures[caption].convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
                drawn.paste(picture, (NAMES + column * (SIDE + GAP), top))
    return drawn


if __name__ == "__main__":
    section, count, out, *pages = sys.argv[1:]
    sheet([part for page in pages for part in rows(section, int(count), page)]).save(out, quality=82)
