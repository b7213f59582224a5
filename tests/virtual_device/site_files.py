"""What a station plays, and the configurations that say so. Times are those of an emulated machine: generous."""

import shutil
from pathlib import Path

from belt import CHIP_LABEL
from laws import Verdict
from station import SITE, read_sequence

# Longer than a pulse that an emulated machine can make, shorter than a part.
DEBOUNCE_MS = 40.0

COMMON = """\
[bundle]
file = "{bundle}"

[camera]
kind = "replay"
folder = "{parts}"
repeat = true

[trigger]
debounce_ms = {debounce_ms}
spacing_min_ms = {spacing_ms}
exposure_max_ms = 60000.0

[gate]
output = "{output}"
delay_ms = {delay_ms}
deadline_ms = {deadline_ms}
pulse_ms = {pulse_ms}

[ready]
silence_max_ms = {silence_ms}

[inspector]
silence_max_ms = {kill_ms}
start_max_ms = 250000.0

[line]
kind = "gpio"
sensor = {sensor}
{output_wire} = {output_line}
ready = {ready}
busy = {busy}
"""


def line(wire):
    """A line of the simulated chip."""
    return f'{{ name = "{wire}", chip = "{CHIP_LABEL}" }}'


def configuration(output, **values):
    """A station.toml with the wires of this output."""
    return COMMON.format(
        output=output.value,
        debounce_ms=DEBOUNCE_MS,
        output_wire=output.wire.lower(),
        output_line=line(output.wire),
        sensor=line("SENSOR"),
        ready=line("READY"),
        busy=line("BUSY"),
        **values,
    )


class TestSite:
    """The bundle and the parts of the example `device_site`."""

    delay_ms = 2500.0
    pulse_ms = 300.0

    def __init__(self, folder):
        self.folder = Path(folder)
        self.sequence = read_sequence((self.folder / "verdicts.txt").read_text())

    def configuration(self, output):
        """A station.toml."""
        return configuration(
            output,
            bundle=f"{SITE}/block.twb",
            parts=f"{SITE}/parts",
            spacing_ms=310.0,
            delay_ms=self.delay_ms,
            deadline_ms=self.delay_ms - 100.0,
            pulse_ms=self.pulse_ms,
            silence_ms=1000.0,
            kill_ms=5000.0,
        )


class CountedSite(TestSite):
    """The same with an encoder: places are counts."""

    delay_counts = 105
    pulse_counts = 20
    # The longest time of a pulse: longer than its counts take on a belt that moves.
    pulse_ms = 1500.0

    def configuration(self, output):
        """A station.toml."""
        return (
            super().configuration(output)
            + f"""\
encoder_a = {line("ENCODER_A")}
encoder_b = {line("ENCODER_B")}

[encoder]
kind = "quadrature"
settle_ms = 20.0
spacing_min_counts = 30
jitter_counts = 4
delay_counts = {self.delay_counts}
pulse_counts = {self.pulse_counts}
"""
        )


class ToldSite(TestSite):
    """The same with a machine that reads each result."""

    setup_ms = 20.0
    ack_max_ms = 3000.0

    def configuration(self, output):
        """A station.toml."""
        wires = "\n".join(f"{wire.lower()} = {line(wire)}" for wire in ("RESULT_VALID", "OK", "NG", "ERROR", "ACK"))
        return (
            super().configuration(output)
            + f"""\
{wires}

[handshake]
enabled = true
setup_ms = {self.setup_ms}
ack_max_ms = {self.ack_max_ms}
"""
        )


class RecipeSite(TestSite):
    """The same product under two names, installed, and chosen by the machine's lines."""

    # Longer than an emulated machine stands still between two pulls.
    settle_ms = 1000.0
    block = 1
    lid = 2

    def configuration(self, output):
        """A station.toml."""
        wires = "\n".join(f"{wire.lower()} = {line(wire)}" for wire in ("RECIPE_0", "RECIPE_1", "RECIPE_2"))
        text = super().configuration(output).replace(f'file = "{SITE}/block.twb"', "active = true")
        return (
            text
            + f"""\
{wires}

[recipes]
list = [{{ number = {self.block}, model = "block" }}, {{ number = {self.lid}, model = "lid" }}]
settle_ms = {self.settle_ms}
"""
        )


class ColourSite(TestSite):
    """A colour camera, the kernel's `vivid`, with a bundle that passes whatever it shows."""

    # Few pictures: an emulated machine makes each of them itself, and the station's times must hold.
    rate_hz = 5

    def __init__(self, folder):
        super().__init__(folder)
        self.sequence = [Verdict.PASS]

    @staticmethod
    def camera(**table):
        """Bundle and camera of a station.toml; `table` has keys of [v4l2] as TOML."""
        keys = {
            "device": '"vivid"',
            "width": 320,
            "height": 180,
            "rate_hz": 15,
            "warm_up_pictures": 2,
            "wait_max_ms": 1500.0,
            "age_max_ms": 1000.0,
            "stall_max_ms": 1500.0,
            "first_picture_max_ms": 5000.0,
            "start_max_ms": 20000.0,
            "reopen_max_ms": 30000.0,
            "open_max_ms": 30000.0,
        } | table
        lines = "\n".join(f"{key} = {value}" for key, value in keys.items())
        return f'[bundle]\nfile = "{SITE}/colour.twb"\n\n[camera]\nkind = "v4l2"\n\n[v4l2]\n{lines}\n'

    def configuration(self, output):
        """A station.toml."""
        text = super().configuration(output)
        # A stall is longer than what is lost by chance, and a start than a fault that is played, so that no other process is asked for.
        camera = self.camera(rate_hz=self.rate_hz, stall_max_ms=3000.0, first_picture_max_ms=15000.0)
        return camera + text[text.index("\n[trigger]") :]


class RealSite:
    """A shipped bundle and three of the demo's parts, in the order in which they are played."""

    folder = "/srv/real"
    product = "cap"
    parts = (("good/005", Verdict.PASS), ("sink/001", Verdict.FAIL), ("warp/001", Verdict.FAIL))
    # Longer than one inspection in an emulated machine, so that parts wait for nobody.
    gap_s = 30.0
    delay_ms = 45_000.0
    pulse_ms = 300.0

    def __init__(self):
        self.sequence = [verdict for _, verdict in self.parts]

    @classmethod
    def copy(cls, repository, target):
        """Copies bundle and parts out of the repository."""
        target.mkdir(parents=True)
        models = repository / "models"
        shutil.copy(models / f"{cls.product}.twb", target / "model.twb")
        demo = models / "demo" / cls.product
        for file in demo.glob("*.json"):
            (target / "parts").mkdir(exist_ok=True)
            shutil.copy(file, target / "parts" / file.name)
        for part, _ in cls.parts:
            shutil.copytree(demo / "test" / part, target / "parts" / "test" / part)

    def configuration(self, output):
        """A station.toml."""
        return configuration(
            output,
            bundle=f"{self.folder}/model.twb",
            parts=f"{self.folder}/parts",
            spacing_ms=1000.0,
            delay_ms=self.delay_ms,
            deadline_ms=self.delay_ms - 100.0,
            pulse_ms=self.pulse_ms,
            silence_ms=30000.0,
            kill_ms=60000.0,
        )
