"""A colour camera: the kernel's simulated one, through the real program."""

import base64
import json
import time

import picture
from belt import mark
from laws import Output, Verdict, parts, pulse_faults
from site_files import ColourSite
from wiretrace import marks, pulses

FOLDER = "/run/colour"
# Mean colours of a bar, in two formats: rounding of the kernel's generator, of the format and ours.
COLOUR_TOLERANCE = 4
# READY toggles each 100 ms; an emulated machine adds its own pauses.
READY_GONE_MS = 700
RETURN_MAX_S = 60


def _set(control, value):
    return f"v4l2-ctl -d /dev/video0 -c {control}={value}"


def _look(station, checks, name, **table):
    """What `check --camera` says, and the picture that it writes."""
    text = ColourSite.camera(**table)
    command = f"""
mkdir -p {FOLDER}; cat >{FOLDER}/station.toml <<'END'
{text}
END
twinspect check --config {FOLDER}/station.toml --camera --json --out {FOLDER} 2>{FOLDER}/errors
"""
    status, said = station.device.run(command, limit_s=120)
    errors = station.device.run(f"cat {FOLDER}/errors")[1].strip()
    if status != 0:
        return status, errors, None
    shown = base64.b64decode(station.device.say(f"base64 -w 0 {FOLDER}/colour.png"))
    checks.holds(f"{name}: nothing panics", "panicked" not in errors, errors)
    return status, json.loads(said), shown


def colour(station, checks):
    """Formats, settings and faults of a camera, and a station that lives on it."""
    loaded = "[ -d /sys/module/vivid ] || modprobe vivid n_devs=1 node_types=0x1; udevadm settle"
    station.device.say(f"{loaded}\n{_set('osd_text_mode', 2)}\n{_set('test_pattern', 0)}")
    _formats(station, checks)
    status, said, _ = _look(station, checks, "still", equal_pictures_max=10)
    checks.holds("colour: a picture that stands still is refused", status == 6 and "again and again" in said, f"status {status}: {said}")
    station.device.say(_set("horizontal_movement", 6))
    _settings(station, checks)
    _cost(station, checks)
    _station(station, checks)


def _formats(station, checks):
    """The kernel makes the same bars in each format, and we see the same colours in each."""
    seen = {}
    for name in ("rgb3", "bgr3", "yuyv", "uyvy"):
        status, said, shown = _look(station, checks, name, format=f'"{name}"', equal_pictures_max=0)
        if shown is None:
            checks.holds(f"colour: {name} comes", False, f"status {status}: {said}")
            continue
        seen[name] = picture.bars(shown)
        checks.holds(f"colour: {name} comes", said["device"]["format"] == name.upper() and said["pairs"] == 30, said["camera"])
    if "rgb3" not in seen:
        return
    told = ["/".join(f"{value:.0f}" for value in bar) for bar in seen["rgb3"]]
    checks.holds("colour: there are bars of many colours", len(set(told)) == 8, ", ".join(told))
    for name, bars in seen.items():
        worst = max(abs(a - b) for bar, other in zip(bars, seen["rgb3"]) for a, b in zip(bar, other))
        checks.holds(f"colour: {name} has the kernel's colours", worst <= COLOUR_TOLERANCE, f"off by {worst:.1f} of 255 at most")


def _settings(station, checks):
    """What is set is read back, and what the camera has not is named."""
    status, said, shown = _look(station, checks, "settings", gain=77, brightness=140)
    if shown is None:
        checks.holds("colour: settings are made", False, f"status {status}: {said}")
        return
    device = said["device"]
    found = {fact["name"]: (fact["wanted"], fact["found"]) for fact in device["settings"]}
    wanted = {"gain": (77, 77), "automatic gain": (0, 0), "brightness": (140, 140)}
    checks.holds("colour: settings are made and read back", wanted.items() <= found.items(), str(found))
    names = {control["name"] for control in device["controls"]}
    checks.holds("colour: settings are listed", {"Gain", "Brightness", "Percentage of Dropped Buffers"} <= names, f"{len(names)} of them")
    checks.holds("colour: cameras are listed", [node["name"] for node in device["nodes"] if node["captures"]] == ["vivid"], str(device["nodes"]))
    measured = f"{said['measured_hz']:.1f} Hz, {said['latency_p50_ms']:.1f} ms, {said['streams']}"
    checks.holds("colour: rate and latency are measured", said["measured_hz"] > 0, measured)
    status, said, _ = _look(station, checks, "focus", focus=3)
    checks.holds("colour: a setting that it has not is named", status == 6 and "has no focus to set" in said, f"status {status}: {said}")
    status, said, _ = _look(station, checks, "size", width=322)
    checks.holds("colour: a size that it has not is refused", status == 6 and "it offers" in said, f"status {status}: {said}")


def _cost(station, checks):
    """The way of pictures is measured, with the station's model and without one. An emulated machine's times say nothing."""
    for width, height, bundled in ((320, 180, True), (640, 480, False), (1280, 720, False)):
        text = ColourSite.camera(width=width, height=height, rate_hz=5, format='"yuyv"', wait_max_ms=20_000.0, age_max_ms=20_000.0)
        text = text if bundled else text[text.index("[camera]") :]
        status, said = station.device.run(
            f"cat >{FOLDER}/cost.toml <<'END'\n{text}\nEND\ntwinspect bench --camera --config {FOLDER}/cost.toml --seconds 5 --json 2>&1", limit_s=120
        )
        name = f"colour: the way of {width} x {height} pictures is measured"
        if status != 0:
            checks.holds(name, False, f"status {status}: {said}")
            continue
        found = json.loads(said)
        stages = {stage["stage"]: stage["p50_ms"] for stage in found["stages"]}
        whole = list(stages) == ["handed over", "colour", "prepare", "arrival to tensors"] and found["pictures"] > 0
        told = ", ".join(f"{stage} {ms:.2f} ms" for stage, ms in stages.items())
        checks.holds(name, whole and found["cpu"]["all"] > 0, f"{found['pictures']} for {found['prepared_for']}: {told}, CPU {found['cpu']['all']:.2f}")


def _station(station, checks):
    """Parts pass while pictures come, are rejected while none come, and pass again."""
    site, station.site = station.site, ColourSite(station.site.folder)
    try:
        station.play(Output.PASS_PULSE)
        checks.holds("colour: READY beats", station.start())
        _bring(station, checks, "colour: parts are judged by a colour camera", Verdict.PASS, 10)
        _fault(station, checks, "no pictures", _set("percentage_of_dropped_buffers", 100), _set("percentage_of_dropped_buffers", 0))
        # So long a silence may go through all steps, to another process; a camera that is away climbs none.
        before = station.inspect_process()
        _fault(station, checks, "unplugged", _set("disconnect", 1), "true")
        after = station.inspect_process()
        checks.holds("colour: unplugged: the process that owned it has it back", before == after != "", f"{before}, then {after}")
        log = station.log(station.invocation())
        said = [line for line in log.splitlines() if "V4L2 camera" in line]
        checks.holds("colour: the log says what was done", any("starting its stream anew" in line for line in said) and any("No such device" in line for line in said), " | ".join(said))
        station.device.say(f"systemctl stop {station.unit}")
    finally:
        station.site = site


def _bring(station, checks, name, verdict, count):
    station.clear_trace()
    first = station.bring(count)
    station.settle()
    events = station.events()
    faults = pulse_faults(events, parts(events, [verdict] * count, first), Output.PASS_PULSE, station.timing)
    checks.no_faults(name, faults, f"{count} parts")


def _fault(station, checks, name, begin, end):
    """READY falls with the camera, and comes back with it."""
    station.clear_trace()
    station.device.say(f"{mark('hit')}; {begin}")
    fell = _wait(station, lambda events, hit: _silent_since(events, hit))
    if name == "no pictures":
        # It stays so until the fault ends; parts that come meanwhile are rejected.
        _bring(station, checks, f"colour: {name}: parts are rejected", Verdict.NO_RESULT, 2)
    station.clear_trace()
    station.device.say(end)
    back = station.wait_for_beats()
    checks.holds(f"colour: {name}: READY falls and comes back", fell and back, f"fell: {fell}, came back: {back}")
    _bring(station, checks, f"colour: {name}: parts pass afterwards", Verdict.PASS, 5)


def _silent_since(events, hit):
    """Whether READY has paused after the hit."""
    rises = [pulse.rise_ms for pulse in pulses(events, "READY") if pulse.rise_ms > hit]
    until = marks(events, "now")[-1]
    return any(later - earlier > READY_GONE_MS for earlier, later in zip([hit, *rises], [*rises, until]))


def _wait(station, holds):
    until = time.monotonic() + RETURN_MAX_S
    while time.monotonic() < until:
        station.mark("now")
        events = station.events()
        (hit,) = marks(events, "hit")
        if holds(events, hit):
            return True
        time.sleep(0.5)
    return False
