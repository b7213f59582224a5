"""A V4L2 camera under the unit's own sandbox."""

# Enough to be a picture and not a header.
BYTES = 1_000_000

PROBE = f"""
modprobe vivid n_devs=1 node_types=0x1 && udevadm settle
mkdir -p /run/systemd/system/probe@.service.d
cp "$(systemctl show --property FragmentPath --value %(unit)s)" /run/systemd/system/probe@.service
cat >/run/systemd/system/probe@.service.d/probe.conf <<'END'
[Service]
Type=oneshot
Restart=no
WatchdogSec=0
NotifyAccess=none
RuntimeDirectory=
ExecStartPre=
ExecReload=
ExecStart=
ExecStart=/bin/bash -c 'head -c {BYTES} /dev/video0 | wc -c; head -c 1 /dev/rtc0 || echo refused'
StandardOutput=file:/run/probe.txt
StandardError=file:/run/probe.err
TimeoutStartSec=60
END
systemctl daemon-reload
systemctl start probe@station.service
cat /run/probe.txt
"""


def camera(station, checks):
    """The unit's user may read a camera, and no other device."""
    said = station.device.run(PROBE % {"unit": station.unit}, limit_s=120)[1].split()
    detail = station.device.run("cat /run/probe.err; systemctl status --no-pager probe@station.service | head -n 8")[1]
    checks.holds("a camera reads under the unit's sandbox, a clock does not", said[-2:] == [str(BYTES), "refused"], f"{said} {detail if said[-2:] != [str(BYTES), 'refused'] else ''}")
