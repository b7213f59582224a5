"""The package: what it brings, what its scripts do, how tight the unit is."""

import re

PACKAGE = "/srv/twinspect.deb"
SECURITY_MAX = 2.0


def install(station, checks):
    """dpkg installs it; nothing runs before a station is configured."""
    status, said = station.device.run(f"dpkg --install --force-depends {PACKAGE}", limit_s=300)
    checks.holds("the package installs", status == 0, "" if status == 0 else said)
    checks.holds("the program starts", "twinspect" in station.device.say("twinspect --version"), station.device.say("twinspect --version"))
    user = station.device.run("id twinspect")[1].strip()
    checks.holds("its user is there", "gpio" in user or "gpio" in station.device.run(f"systemctl show --property SupplementaryGroups {station.unit}")[1], user)
    chip = station.device.say(f"udevadm settle; stat -c '%U:%G %a' /dev/{station.wires.chip}")
    checks.holds("the chip belongs to its group", chip == "root:gpio 660", chip)
    state = station.device.run(f"systemctl is-enabled {station.unit}; systemctl is-active {station.unit}")[1].split()
    checks.holds("no station runs unasked", state == ["disabled", "inactive"], str(state))


def security(station, checks):
    """How much the unit leaves open, by systemd's own measure."""
    said = station.device.run(f"systemd-analyze security --no-pager {station.unit} | tail -n 1")[1]
    found = re.search(r"(\d+\.\d+)", said)
    checks.holds(f"systemd-analyze security gives at most {SECURITY_MAX}", found is not None and float(found[1]) <= SECURITY_MAX, said.strip())


def upgrade(station, checks):
    """The same package again: the station stops, and runs again afterwards."""
    before = station.line_process()
    station.begin_anew()
    status, said = station.device.run(f"dpkg --install --force-depends {PACKAGE}", limit_s=300)
    running = station.wait_for_beats()
    after = station.line_process()
    checks.holds("an upgrade starts the station again", status == 0 and running and after not in ("0", before), f"{before}, then {after}; {said.strip().splitlines()[-1:]}")


def remove(station, checks):
    """Removal stops the station and leaves what is the station's own."""
    status, said = station.device.run("dpkg --remove twinspect", limit_s=300)
    left = station.device.run(f"ls {station.configuration} /usr/bin/twinspect /var/lib/twinspect -d 2>/dev/null")[1].split()
    checks.holds("removal leaves the station's own files alone", status == 0 and left == [station.configuration, "/var/lib/twinspect"], f"{left} {said.strip().splitlines()[-1:]}")
    checks.holds("removal leaves no process", station.device.run("pgrep twinspect")[1].strip() == "")
