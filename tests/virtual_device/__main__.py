"""python3 tests/virtual_device ARCHITECTURE --cache FOLDER --package FILE --site FOLDER [--real] [--parts N]

Boots a device, installs the package, and holds what its wires do to the laws. Exit code 0 when every check held.
"""

import argparse
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

import shell
from channel import Device
from checks import Checks
from laws import Output
from scenarios import camera, colour, deaths, encoder, handshake, install, page, parts, recipes
from scenarios.install import PACKAGE
from site_files import RealSite, TestSite
from station import SITE, Station

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]


def arguments():
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="virtual_device", description=__doc__.split("\n\n")[1])
    parser.add_argument("architecture", choices=["amd64", "arm64"])
    parser.add_argument("--cache", type=Path, required=True, help="folder of the images")
    parser.add_argument("--package", type=Path, required=True, help=".deb of this architecture")
    parser.add_argument("--site", type=Path, required=True, help="folder that the example device_site has written")
    parser.add_argument("--parts", type=int, default=200, help="parts in each output mode")
    parser.add_argument("--real", action="store_true", help="three parts by a shipped model too; takes minutes")
    parser.add_argument("--smoke", action="store_true", help="few parts, and no faults")
    parser.add_argument("--shell", action="store_true", help="no checks: commands from standard input, one a line")
    parser.add_argument("--only", metavar="NAME", help="only the scenarios of this name")
    parser.add_argument("--limit-s", type=int, default=1700, help="time for everything")
    return parser.parse_args()


def overlay(run, asked):
    """Lays what a device needs of ours over its root file system."""
    srv = run / "overlay" / "srv"
    srv.mkdir(parents=True)
    shutil.copy(asked.package, run / "overlay" / PACKAGE.lstrip("/"))
    shutil.copytree(asked.site, run / "overlay" / SITE.lstrip("/"))
    dropins = run / "overlay" / "etc/systemd/system/twinspect@.service.d"
    dropins.mkdir(parents=True)
    shutil.copy(HERE / "emulated.conf", dropins)
    RealSite.copy(REPOSITORY, run / "overlay" / RealSite.folder.lstrip("/"))


def whole(station, checks, asked):
    """Everything."""
    yield parts.many, station, checks, Output.PASS_PULSE, asked.parts
    yield install.security, station, checks
    yield parts.glitches, station, checks
    yield parts.reload, station, checks
    yield deaths.second_instance, station, checks
    for name, signal in (("killed", "KILL"), ("hung", "STOP"), ("crashed", "SEGV")):
        yield deaths.inspect_process, station, checks, f"{name} inspect process", signal
    for name, signal in (("killed", "KILL"), ("crashed", "SEGV")):
        yield deaths.line_process, station, checks, f"{name} line process", signal
    yield deaths.watchdog, station, checks
    yield install.upgrade, station, checks
    yield deaths.drain, station, checks
    yield camera.camera, station, checks
    yield colour.colour, station, checks
    yield parts.many, station, checks, Output.REJECT_PULSE, asked.parts
    yield encoder.encoder, station, checks
    yield handshake.handshake, station, checks
    yield recipes.recipes, station, checks
    yield page.page, station, checks
    if asked.real:
        yield parts.real, station, checks
    yield install.remove, station, checks


def smoke(station, checks, asked):
    """Whether it runs at all."""
    yield parts.many, station, checks, Output.PASS_PULSE, asked.parts
    yield install.security, station, checks
    yield deaths.drain, station, checks
    if asked.real:
        yield parts.real, station, checks
    yield install.remove, station, checks


def main():
    """Runs it."""
    asked = arguments()
    run = Path(tempfile.mkdtemp(prefix="virtual-device-"))
    checks = Checks()
    start = time.monotonic()
    overlay(run, asked)
    with Device(asked.architecture, run, asked.cache.resolve(), asked.limit_s) as device:
        kernel = device.say("uname -r -m")
        print(f"{asked.architecture}, {device.accelerator}, kernel {kernel}: up after {device.boot_s:.0f} s", flush=True)
        if asked.shell:
            shell.serve(device)
            return 0
        state = device.run("systemctl is-system-running --wait")[1].strip()
        checks.holds("the device runs without a failed unit", state == "running", state)
        station = Station(device, TestSite(asked.site))
        install.install(station, checks)
        for scenario, *given in (smoke if asked.smoke else whole)(station, checks, asked):
            if asked.only not in (None, scenario.__name__):
                continue
            began = time.monotonic()
            try:
                scenario(*given)
            except Exception:
                checks.holds(f"{scenario.__name__} came to its end", False, traceback.format_exc(limit=3))
            if checks.failed and not (run / "journal-of-first-failure.txt").exists():
                (run / "journal-of-first-failure.txt").write_text(station.journal(2000))
                print(station.journal(30), flush=True)
            print(f"      {scenario.__name__}: {time.monotonic() - began:.0f} s", flush=True)
        (run / "journal.txt").write_text(device.run("journalctl --boot --no-pager")[1])
    print(f"{asked.architecture}: {checks.summary()}; {time.monotonic() - start:.0f} s; logs in {run}")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
