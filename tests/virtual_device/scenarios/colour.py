"""A colour camera: the kernel's simulated one, through the real program."""

import base64
import json
import re
import time

import picture
from belt import mark
from laws import Output, Verdict, parts, pulse_faults
from site_files import ColourSite
from wiretrace import marks, pulses

FOLDER = "/run/colour"
VIVID = "modprobe vivid n_devs=1 node_types=0x1"
# Mean colours of a bar, in two formats: rounding of the kernel's generator, of the format and ours.
COLOUR_TOLERANCE = 4
# READY toggles each 100 ms; an emulated machine adds its own pauses.
READY_GONE_MS = 700
RETURN_MAX_S = 60
# The driver's counter begins so many numbers before its end, where it is to wrap around.
WRAP_PICTURES = 128
DROPS = "percentage_of_dropped_buffers"
DROPPED_PERCENT = 30
# What is counted of that in some seventy pictures: within four standard deviations, and what an emulated machine loses.
DROPPED_SHARE = (0.1, 0.6)
# Seven lost pictures in a row leave a part without one, and so does an emulated machine that stands still.
WITHOUT_PICTURE_MAX = 2


def _set(control, value):
    return f"v4l2-ctl -d /dev/video0 -c {control}={value}"


def _press(button):
    """vivid injects one error for each press."""
    return _set(button, 1)


DAMAGE = _press("inject_v4l2_buf_flag_error")


def _look(station, checks, name, beside=None, **table):
    """What `check --camera` says, and the picture that it writes. `beside` is done before, and again and again meanwhile."""
    text = ColourSite.camera(**table)
    again = f"{beside}\n(while :; do {beside}; sleep 0.1; done) >/dev/null 2>&1 &\ntrap \"kill $!\" EXIT" if beside else ""
    command = f"""
mkdir -p {FOLDER}; cat >{FOLDER}/station.toml <<'END'
{text}
END
{again}
twinspect check --config {FOLDER}/station.toml --camera --json --out {FOLDER} 2>{FOLDER}/errors
"""
    status, said = station.device.run(command, limit_s=120)
    errors = _errors(station)
    if status != 0:
        return status, errors, None
    shown = base64.b64decode(station.device.say(f"base64 -w 0 {FOLDER}/colour.png"))
    checks.holds(f"{name}: nothing panics", "panicked" not in errors, errors)
    return status, json.loads(said), shown


def _errors(station):
    return station.device.run(f"cat {FOLDER}/errors")[1].strip()


def colour(station, checks):
    """Formats, settings and faults of a camera, and a station that lives on it."""
    loaded = f"[ -d /sys/module/vivid ] || {VIVID}; udevadm settle"
    station.device.say(f"{loaded}\n{_set('osd_text_mode', 2)}\n{_set('test_pattern', 0)}")
    _formats(station, checks)
    status, said, _ = _look(station, checks, "still", equal_pictures_max=10)
    checks.holds("colour: a picture that stands still is refused", status == 6 and "again and again" in said, f"status {status}: {said}")
    # Bars that move come back; counters beside them don't, and no part gets the picture of the part before.
    station.device.say(f"{_set('osd_text_mode', 1)}\n{_set('horizontal_movement', 6)}")
    _settings(station, checks)
    _cost(station, checks)
    _damaged(station, checks)
    _bad_starts(station, checks)
    _station(station, checks)
    _planes(station, checks)


def _formats(station, checks):
    """The kernel makes the same bars in each format, and we see the same colours in each."""
    seen = {}
    for name in ("rgb3", "bgr3", "yuyv", "uyvy", "grey"):
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
        due = [_grey(bar) for bar in seen["rgb3"]] if name == "grey" else seen["rgb3"]
        worst = max(abs(a - b) for bar, other in zip(bars, due) for a, b in zip(bar, other))
        checks.holds(f"colour: {name} has the kernel's colours", worst <= COLOUR_TOLERANCE, f"off by {worst:.1f} of 255 at most")


def _grey(bar):
    """What vivid makes of a colour in formats without colours: luma of Rec. 709 in the full range."""
    red, green, blue = bar
    return (0.2126 * red + 0.7152 * green + 0.0722 * blue,) * 3


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


def _damaged(station, checks):
    """Pictures that the driver marks as damaged are not judged, and counted; so are those that it leaves out."""
    # So slow that none escapes.
    status, said, _ = _look(station, checks, "damaged", beside=DAMAGE, rate_hz=1, wait_max_ms=2500.0, open_max_ms=3000.0)
    checks.holds("colour: damaged pictures are none", status == 6 and "pictures come damaged" in said, f"status {status}: {said}")
    station.device.say(_set(DROPS, DROPPED_PERCENT))
    status, said, shown = _look(station, checks, "losses", beside=DAMAGE)
    station.device.say(_set(DROPS, 0))
    if shown is None:
        checks.holds("colour: lost and damaged pictures are counted", False, f"status {status}: {said}")
        return
    streams = said["streams"]
    least, most = DROPPED_SHARE
    share = streams["gaps"] / _numbers(streams)
    counted = least < share < most and streams["corrupt"] > 0
    checks.holds("colour: lost and damaged pictures are counted", counted, f"{100 * share:.0f} % lost of {DROPPED_PERCENT} %, {streams}")
    checks.holds("colour: and cost nobody a picture", (said["pairs"], said["failed"]) == (30, 0), f"{said['pairs']} and {said['failed']} failed")


def _numbers(streams):
    """By how much the driver's counter went on."""
    return sum(streams[kind] for kind in ("pairs", "gaps", "corrupt", "late", "frozen", "clocks_apart"))


def _bad_starts(station, checks):
    """Two starts that the driver refuses, and a third one whose counter soon wraps around."""
    station.device.say("\n".join([_press("inject_vidioc_reqbufs_error"), _press("inject_vidioc_streamon_error"), _set("wrap_sequence_number", 1)]))
    # Pictures that take so long on their way that more than the wrap's go by until thirty were had.
    status, said, shown = _look(station, checks, "bad starts", rate_hz=30, transfer_max_ms=200.0)
    station.device.say(_set("wrap_sequence_number", 0))
    if shown is None:
        checks.holds("colour: a start that is refused is tried again", False, f"status {status}: {said}")
        return
    errors, streams = _errors(station), said["streams"]
    tried = [errors.count(step) for step in ("starting its stream anew", "opening it anew")] == [1, 1]
    checks.holds("colour: a start that is refused is tried again", tried, errors.replace("\n", " | "))
    numbers = _numbers(streams)
    # Its other end would be billions away, or come again. vivid stamps a picture after it has handed it over, so one may repeat.
    whole = WRAP_PICTURES < numbers < 10 * WRAP_PICTURES and streams["gaps"] < numbers / 2 and streams["repeated"] < 10
    checks.holds("colour: a counter that wraps around loses nothing", whole and said["pairs"] == 30, f"{numbers} numbers, {streams}, {said['measured_hz']:.1f} Hz")


def _planes(station, checks):
    """A camera with pictures in several planes is told as that, and not as one that is missing."""
    station.device.say(f"modprobe -r vivid && {VIVID} multiplanar=2 && udevadm settle")
    status, said, _ = _look(station, checks, "planes", device='""')
    told = status == 6 and "gives pictures in several planes" in said and "is not there" not in said
    checks.holds("colour: a camera of several planes is told as that", told, f"status {status}: {said}")
    station.device.say("modprobe -r vivid")


def _station(station, checks):
    """Parts pass while pictures come, are rejected while none come, and pass again."""
    site, station.site = station.site, ColourSite(station.site.folder)
    try:
        station.device.say(_set("wrap_sequence_number", 1))
        station.play(Output.PASS_PULSE)
        checks.holds("colour: READY beats", station.start())
        began = time.monotonic()
        _bring(station, checks, "colour: parts are judged by a colour camera", Verdict.PASS, 10)
        _unruly(station, checks, began)
        _broken(station, checks)
        _fault(station, checks, "no pictures", _set(DROPS, 100), _set(DROPS, 0))
        # So long a silence may go through all steps, to another process; a camera that is away climbs none.
        before = station.inspect_process()
        _fault(station, checks, "unplugged", _set("disconnect", 1), "true")
        after = station.inspect_process()
        checks.holds("colour: unplugged: the process that owned it has it back", before == after != "", f"{before}, then {after}")
        log = station.log(station.invocation())
        said = [line for line in log.splitlines() if "V4L2 camera" in line]
        words = ("Input/output error", "starting its stream anew", "No such device")
        checks.holds("colour: the log says what was done", all(any(word in line for line in said) for word in words), " | ".join(said))
        station.device.say(f"systemctl stop {station.unit}")
    finally:
        station.site = site


def _unruly(station, checks, began):
    """Parts are judged while pictures are lost and damaged, and the driver's counter wraps around."""
    before = _stream(station)
    station.clear_trace()
    station.device.say(_set(DROPS, DROPPED_PERCENT))
    first, count = station.brought + 1, 0
    while count < 8 or time.monotonic() < began + WRAP_PICTURES / station.site.rate_hz:
        station.device.say(DAMAGE)
        station.bring(1)
        count += 1
    station.settle()
    station.device.say(_set(DROPS, 0))
    events, log = station.events(), station.log(station.invocation())
    told = {int(number) for number in re.findall(r"part=(\d+) verdict=no_result reason=camera ", log)}
    without = frozenset(told & set(range(first, first + count)))
    faults = pulse_faults(events, parts(events, [Verdict.PASS] * count, first), Output.PASS_PULSE, station.timing, without)
    if len(without) > WITHOUT_PICTURE_MAX:
        faults.append(f"the parts {sorted(without)} found no picture")
    checks.no_faults("colour: lost and damaged pictures: parts are judged", faults, f"{count} parts, {len(without)} without a picture")
    after = _stream(station)
    damaged = after["corrupt"] - before["corrupt"]
    known = 0 < damaged <= count and after["gaps"] > before["gaps"] and after["restarts"] == before["restarts"]
    checks.holds("colour: lost and damaged pictures: the station counts them and starts nothing anew", known, f"{damaged} damaged of {count}, {before}, then {after}")


def _broken(station, checks):
    """A stream that the driver has given up is started anew."""
    before = _stream(station)["restarts"]
    station.device.say(_press("inject_fatal_streaming_error"))
    until = time.monotonic() + RETURN_MAX_S
    while (after := _stream(station)["restarts"]) == before and time.monotonic() < until:
        time.sleep(0.5)
    checks.holds("colour: a stream that broke is started anew", after == before + 1, f"{before}, then {after}")
    station.clear_trace()
    checks.holds("colour: a stream that broke: READY beats", station.wait_for_beats())
    _bring(station, checks, "colour: a stream that broke: parts pass afterwards", Verdict.PASS, 3)


def _stream(station):
    """What the station has counted of its camera since the process began that owns it."""
    said = station.device.say(f"twinspect status --config {station.configuration} --json")
    return json.loads(said)["camera"]["stream"]


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
