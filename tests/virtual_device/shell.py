"""A device by hand: commands from standard input, one a line, run as root; what they wrote and their status."""

import sys

# A command that takes longer is given up; the device goes on with it.
COMMAND_MAX_S = 600


def serve(device):
    """Until the input ends."""
    print("The package lies at /srv, nothing is installed. One command a line; the end of the input ends the device.", flush=True)
    for line in sys.stdin:
        if not line.strip():
            continue
        status, output = device.run(line, COMMAND_MAX_S)
        end = "" if output.endswith("\n") or not output else "\n"
        print(f"{output}{end}[{status}]", flush=True)
