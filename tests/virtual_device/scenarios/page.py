"""The page and the figures, by the packaged unit with all that it forbids."""

import json
import time

from figures import parts_by_verdict, samples, status_and_body
from laws import Output, parts, pulse_faults

PORT = 8080
TEXTFILE = "/var/lib/twinspect/metrics/station.prom"
# The page's process is started again with growing waits.
BACK_MAX_S = 90
# Clients that open a connection and say half a line.
SLOW_CLIENTS = 60
RECORDS = "/var/lib/twinspect/records/station"
TOKEN_FILE = "/etc/twinspect/page.token"
TOKEN = "0123456789abcdef"
# Records are written beside the gate, and the page looks for them now and then.
RECORD_MAX_S = 60
MORE = f"""
[metrics]
textfile = "{TEXTFILE}"
[records]
enabled = true
folder = "{RECORDS}"
free_min_mb = 0
[page]
token_file = "{TOKEN_FILE}"
"""
CROWD = "/tmp/crowd"
CROWD_STAYS_S = 30


def page(station, checks, count=12):
    """It shows what the wires did, and neither its clients nor its end change what they do."""
    station.play(Output.PASS_PULSE)
    station.device.say(f"cat >>{station.configuration} <<'END'\n{MORE}\nEND")
    station.device.say(f"echo {TOKEN} | install -o root -g twinspect -m 640 /dev/stdin {TOKEN_FILE}")
    checks.holds("page: READY beats", station.start())
    checks.holds("page: it is there", _comes_back(station))
    first = station.bring(count)
    station.settle()
    due = station.verdicts(first, count)
    expected = {verdict.value: due.count(verdict) for verdict in set(due)}

    number, body = _get(station, "/")
    checks.holds("page: it is a page", number == 200 and "<html" in body, f"{number}, {len(body)} characters")
    number, text = _get(station, "/metrics")
    counts = {verdict: count for verdict, count in parts_by_verdict(text).items() if count}
    checks.holds("page: figures count what the wires did", counts == expected, f"{number}: {counts}, due {expected}")
    ready = [value for _, value in samples(text, "twinspect_ready")]
    checks.holds("page: figures say that READY beats", ready == [1.0], str(ready))
    number, _ = _get(station, "/", host="elsewhere.example")
    checks.holds("page: a browser that was led here by another name is refused", number == 421, str(number))

    written = {}
    until = time.monotonic() + BACK_MAX_S
    while written != expected and time.monotonic() < until:
        text = station.device.run(f"cat {TEXTFILE}; sleep 1")[1]
        written = {verdict: count for verdict, count in parts_by_verdict(text).items() if count}
    checks.holds("page: the file for the node exporter counts the same", written == expected, str(written))

    _marks(station, checks)
    _crowd(station, checks, count)
    _death(station, checks, count)


def _marks(station, checks):
    """Who knows the token says what a rejected part was, and nobody else does."""
    reject = _reject(station, lambda reject: reject.get("record", "").endswith("-fail"))
    record = (reject or {}).get("record", "")
    checks.holds("marks: a rejected part has a record", record != "", str(reject))
    mark = f"/api/records/{record}/true-reject"
    number = _post(station, mark)
    checks.holds("marks: not without the token", number == 401, str(number))
    number = _post(station, mark, "Authorization: Bearer 0000000000000000")
    checks.holds("marks: not by another one", number == 401, str(number))
    number = _post(station, mark, f"Authorization: Bearer {TOKEN}", origin="http://elsewhere.example")
    checks.holds("marks: not from another page", number == 403, str(number))
    review = f"{RECORDS}/{record}/review.json"
    checks.holds("marks: nothing is written then", station.device.run(f"test -e {review}")[0] != 0)
    number = _post(station, mark, f"Authorization: Bearer {TOKEN}")
    written = station.device.run(f"cat {review}")[1]
    is_written = '"true_reject"' in written and "page, 127.0.0.1" in written
    checks.holds("marks: written by the service beside its record", number == 200 and is_written, f"{number}: {written}")
    marked = _reject(station, lambda reject: reject.get("mark") == "true_reject")
    checks.holds("marks: the page shows it", marked is not None and marked["record"] == record, str(marked))


def _reject(station, wanted):
    """The newest reject on the page of which this is true; None where there is none in time."""
    until = time.monotonic() + RECORD_MAX_S
    while time.monotonic() < until:
        number, body = _get(station, "/api/state")
        rejects = json.loads(body).get("rejects", []) if number == 200 else []
        found = next(filter(wanted, rejects), None)
        if found:
            return found
        station.device.say("sleep 1")
    return None


def _crowd(station, checks, count):
    """Clients that never finish what they ask."""
    station.clear_trace()
    connections = "\n".join(
        f"exec {{c{client}}}<>/dev/tcp/127.0.0.1/{PORT} && printf 'GET / HT' >&$c{client}" for client in range(SLOW_CLIENTS)
    )
    count_them = f"ls -l /proc/$BASHPID/fd | grep -c socket: >{CROWD}"
    station.device.say(f"(\n{connections}\n{count_them}\nsleep {CROWD_STAYS_S}\n) >/dev/null 2>&1 &\nsleep 1")
    _judges(station, checks, f"page: {SLOW_CLIENTS} slow clients change nothing", count)
    there = int(station.device.say(f"cat {CROWD}"))
    checks.holds("page: they were there", there >= SLOW_CLIENTS // 2, f"{there} connections")
    checks.holds("page: it answers when they are gone", _comes_back(station))


def _death(station, checks, count):
    """Its process is killed."""
    station.clear_trace()
    before = _process(station)
    station.device.say(f"kill -KILL {before}")
    _judges(station, checks, "page: its death changes nothing", count)
    checks.holds("page: it comes back", _comes_back(station) and _process(station) not in ("", before))
    line_process = station.line_process()
    checks.holds("page: the station was not started again for it", line_process not in ("", "0") and station.restarts() == 0)


def _judges(station, checks, name, count):
    first = station.bring(count)
    station.settle()
    events = station.events()
    brought = parts(events, station.verdicts(first, count), first)
    checks.no_faults(name, pulse_faults(events, brought, Output.PASS_PULSE, station.timing), f"{count} parts")


def _process(station):
    return station.device.run(f"pgrep --parent {station.line_process()} --full page-process")[1].strip()


def _comes_back(station):
    until = time.monotonic() + BACK_MAX_S
    while time.monotonic() < until:
        if _get(station, "/metrics")[0] == 200:
            return True
        station.device.say("sleep 1")
    return False


def _get(station, path, host="127.0.0.1"):
    return _ask(station, f"GET {path}", f"Host: {host}")


def _post(station, path, *headers, origin=f"http://127.0.0.1:{PORT}"):
    return _ask(station, f"POST {path}", f"Host: 127.0.0.1:{PORT}", f"Origin: {origin}", "Content-Length: 0", *headers)[0]


def _ask(station, what, *headers):
    """Asks as a browser in the device would; there is none, nor curl."""
    request = "\\r\\n".join([f"{what} HTTP/1.1", *headers, "Connection: close", "\\r\\n"])
    command = f"exec 3<>/dev/tcp/127.0.0.1/{PORT} && printf '{request}' >&3 && timeout 20 cat <&3"
    return status_and_body(station.device.run(command)[1])
