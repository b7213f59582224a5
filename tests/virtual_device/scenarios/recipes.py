"""Recipes by lines: no part is let through until the model of the number that stands on the lines is in charge."""

import time

from laws import Output, parts, pulse_faults, widths_ms
from site_files import SITE, RecipeSite

# The number on the lines that has no recipe.
UNKNOWN = 5
# What a proof and an exchange of processes may take in an emulated machine.
LIVE_MAX_S = 240


def recipes(station, checks):
    """Two products, and a number that nobody knows."""
    site, station.site = station.site, RecipeSite(station.site.folder)
    try:
        station.play(Output.PASS_PULSE)
        _install(station)
        _say(station, RecipeSite.block)
        checks.holds("recipes: READY beats with the recipe of the active model", station.start())
        _judges(station, checks, "recipes: parts are judged")
        _rejects(station, checks)
        _say(station, RecipeSite.lid)
        checks.holds("recipes: the other product's model goes live", _is_live(station, "lid"))
        station.clear_trace()
        station.wait_for_beats()
        _judges(station, checks, "recipes: parts of the other product are judged")
        _say(station, RecipeSite.block)
        checks.holds("recipes: the first product's model comes back", _is_live(station, "block"))
    finally:
        station.site = site


def _install(station):
    """Both models, as the station's user, and the first one is active."""
    # Not `runuser`: nothing has configured PAM in this image.
    as_user = "setpriv --reuid=twinspect --regid=twinspect --init-groups"
    for command in (f"install {SITE}/block.twb", f"install {SITE}/lid.twb", "activate block"):
        program = f"twinspect model {command} --config {station.configuration}"
        station.device.say(f"{as_user} {program}", limit_s=LIVE_MAX_S)


def _say(station, number):
    """Puts a number onto the lines, one after the other."""
    pulls = (
        f"echo pull-{'up' if number >> bit & 1 else 'down'} >{station.wires.pull(f'RECIPE_{bit}')}" for bit in range(3)
    )
    station.device.say("\n".join(pulls))


def _is_live(station, model):
    """Waits until the recipe of a product is live; whether it is."""
    until = time.monotonic() + LIVE_MAX_S
    while time.monotonic() < until:
        status = station.device.run("twinspect status --json | tr -d ' '")[1]
        if '"state":"live"' in status and f'"active":"{model}-' in status:
            return True
        station.device.say("sleep 1")
    return False


def _judges(station, checks, name, count=5):
    station.clear_trace()
    first = station.bring(count)
    station.settle()
    events = station.events()
    brought = parts(events, station.verdicts(first, count), first)
    checks.no_faults(name, pulse_faults(events, brought, Output.PASS_PULSE, station.timing), f"{count} parts")


def _rejects(station, checks):
    """A number without a recipe: nothing passes, and READY is low."""
    _say(station, UNKNOWN)
    station.device.say(f"sleep {2 * station.site.settle_ms / 1e3:.1f}")
    station.clear_trace()
    station.bring(2)
    station.settle()
    events = station.events()
    checks.holds("recipes: a number without a recipe opens nothing", widths_ms(events, "PASS") is None)
    checks.holds("recipes: READY does not beat meanwhile", widths_ms(events, "READY") is None)
    status = station.device.run("twinspect status")[1]
    checks.holds("recipes: the status names the number", f"recipe {UNKNOWN} " in status, status[:200])
