"""What the wires of the handshake must say to a machine that reads each result. Pure."""

from laws import Verdict
from wiretrace import Level, Mark

SAYS = {
    Verdict.PASS: frozenset({"OK"}),
    Verdict.FAIL: frozenset({"NG"}),
    Verdict.NO_RESULT: frozenset({"NG", "ERROR"}),
}
RESULT = ("OK", "NG", "ERROR")


def told_faults(events, verdicts, setup_ms):
    """Everything that is wrong with what was told, for a machine whose program has marked when it acknowledged: each
    result in the order of the parts, set long enough before RESULT VALID, and unchanged until it was read.
    """
    faults, high, changed_ms, told, valid, read = [], set(), 0.0, 0, False, False
    for event in events:
        if isinstance(event, Mark):
            read = read or event.text == f"result {told} is read"
        elif event.wire in RESULT:
            if event.high == (event.wire in high):
                continue
            (high.add if event.high else high.discard)(event.wire)
            changed_ms = event.at_ms
            if valid and not read:
                faults.append(f"result {told}: {event.wire} changed before it was read")
        elif event.wire == "RESULT_VALID" and event.high != valid:
            valid = event.high
            if not valid:
                if not read:
                    faults.append(f"result {told}: RESULT VALID fell before it was read")
                continue
            told, read = told + 1, False
            expected = SAYS[verdicts[told - 1]] if told <= len(verdicts) else None
            if high != expected:
                faults.append(f"result {told}: {sorted(high)} are high, expected {sorted(expected or ['no result'])}")
            if event.at_ms - changed_ms < setup_ms:
                faults.append(f"result {told}: RESULT VALID rose {event.at_ms - changed_ms:.1f} ms after the others")
    if told != len(verdicts):
        faults.append(f"{told} results were told, expected {len(verdicts)}")
    if valid or high:
        faults.append(f"at the end {sorted(high | ({'RESULT_VALID'} if valid else set()))} are high")
    return faults


def levels_at(events, at_ms, wires):
    """Those of these wires that were high at a moment, if all were low at first."""
    high = set()
    for event in events:
        if isinstance(event, Level) and event.wire in wires and event.at_ms <= at_ms:
            (high.add if event.high else high.discard)(event.wire)
    return high
