"""What a station tells a monitoring system, in Prometheus's text format. Pure."""

import re

SAMPLE = re.compile(r"^(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>[^}]*)\})? (?P<value>\S+)$")
LABEL = re.compile(r'(\w+)="([^"]*)"')


def samples(text, name):
    """All samples of one figure: the labels as a dictionary, and the value."""
    found = []
    for line in text.splitlines():
        sample = SAMPLE.match(line)
        if sample and sample["name"] == name:
            found.append((dict(LABEL.findall(sample["labels"] or "")), float(sample["value"])))
    return found


def parts_by_verdict(text):
    """How many parts have left, by verdict, whatever the reason."""
    counts = {}
    for labels, value in samples(text, "twinspect_parts_total"):
        counts[labels["verdict"]] = counts.get(labels["verdict"], 0) + int(value)
    return counts


def status_and_body(answer):
    """The number of an HTTP answer, and what follows its head; 0 if it is none."""
    head, _, body = answer.replace("\r\n", "\n").partition("\n\n")
    first = re.match(r"HTTP/1\.1 (\d{3}) ", head)
    return (int(first[1]) if first else 0), body
