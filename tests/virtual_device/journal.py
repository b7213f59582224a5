"""What a station's log says of its parts. Pure.

After a restart the recorded parts go on at another place: those that came while nobody judged were never looked at. Which
recorded part belongs to a number is then known from the log alone. What is due to it is known from the recorded part, not
from the verdict in the log.
"""

import re
from dataclasses import dataclass

from laws import Verdict

LINE = re.compile(r"part=(?P<number>\d+) verdict=\w+ reason=(?P<reason>\S+) .*name=(?P<name>\S+)$")
# Reasons that lie in the picture, so that the part was looked at.
OF_THE_PICTURE = ("-", "no_colour", "no_depth", "no_part")


@dataclass(frozen=True)
class Told:
    """A part of the log."""

    due: Verdict
    looked_at: bool


def told(text):
    """The parts of a log, by number. Recorded parts lie in folders called PLACE-VERDICT."""
    parts = {}
    for line in text.splitlines():
        found = LINE.search(line)
        if not found:
            continue
        looked_at = found["name"] != "-" and found["reason"] in OF_THE_PICTURE
        due = Verdict(found["name"].split("/")[1].split("-", 1)[1]) if looked_at else Verdict.NO_RESULT
        parts[int(found["number"])] = Told(due, looked_at)
    return parts
