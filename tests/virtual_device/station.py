"""A station in the device: its configuration, its unit, its processes, and what its wires did."""

import wiretrace
from belt import TRACING, WIRES, Wires, bring, make_wires, mark, start_trace
from journal import told
from laws import Timing, Verdict

# Where the tests lay what a station plays.
SITE = "/srv/site"
# So late a station may act in an emulated machine. Pulses are longer, so that none is missed.
LATE_MAX_MS = 250
# The slowest start in an emulated machine, with the proof of the real model.
START_MAX_S = 300


class Station:
    """One station on one simulated chip."""

    unit = "twinspect@station.service"
    configuration = "/etc/twinspect/station.toml"

    def __init__(self, device, site):
        self.device = device
        self.site = site
        chip, folder, base = device.say(make_wires()).split()
        self.wires = Wires(chip, folder, int(base))
        device.say(start_trace())
        self.brought = 0

    @property
    def timing(self):
        """The times that the configuration states."""
        return Timing(self.site.delay_ms, self.site.pulse_ms, LATE_MAX_MS)

    def play(self, output):
        """Stops the station and gives it the configuration for this output."""
        text = self.site.configuration(output)
        self.device.say(
            f"systemctl stop {self.unit}\nmkdir -p /etc/twinspect\ncat >{self.configuration} <<'END'\n{text}\nEND"
        )

    def start(self):
        """Starts the station; whether READY beats."""
        self.begin_anew()
        status, said = self.device.run(f"systemctl start {self.unit}", limit_s=START_MAX_S)
        if status != 0:
            print(said, self.journal(), flush=True)
            return False
        return self.wait_for_beats()

    def begin_anew(self):
        """A new line process counts parts from one, and a new trace begins."""
        self.brought = 0
        self.clear_trace()

    def clear_trace(self):
        """Forgets what the wires did."""
        self.device.say(f"echo >{TRACING}/trace")

    def events(self):
        """What the wires and the tests did since the trace was cleared."""
        return wiretrace.parse(self.device.say(f"cat {TRACING}/trace"), self.wires.names)

    def mark(self, text):
        """Makes a mark in the trace."""
        self.device.say(mark(text))

    def level(self, wire):
        """Whether a wire is high now, whoever drives it."""
        return self.device.say(f"cat {self.wires.value(wire)}") == "1"

    def wait_for_beats(self, count=2):
        """Waits until READY has risen so often since the trace was cleared; whether it has."""
        number = self.wires.base + WIRES.index("READY")
        command = f"""
end=$((SECONDS + {START_MAX_S}))
while [ $SECONDS -lt $end ]; do
    [ "$(grep -c 'gpio_value: {number} set 1' {TRACING}/trace)" -ge {count} ] && exit
    sleep 0.2
done
exit 1
"""
        return self.device.run(command, START_MAX_S + 60)[0] == 0

    def bring(self, count, there_s=0.12, gap_s=0.4):
        """Brings parts one after the other, and returns the number of the first."""
        first = self.brought + 1
        self.device.say(bring(self.wires, first, count, there_s, gap_s), limit_s=60 + count * (4 + gap_s))
        self.brought += count
        return first

    def settle(self):
        """Waits until the last part has gone by the rejector."""
        self.device.say(f"sleep {(self.timing.delay_ms + self.timing.pulse_ms + LATE_MAX_MS) / 1e3:.2f}")

    def verdicts(self, first, count):
        """What is due to the parts from this number on; recorded parts are played round and round."""
        sequence = self.site.sequence
        return [sequence[(number - 1) % len(sequence)] for number in range(first, first + count)]

    def line_process(self):
        """The process that owns the wires."""
        return self.device.say(f"systemctl show --property MainPID --value {self.unit}")

    def inspect_process(self):
        """The process that judges, a child of the other one; empty if there is none."""
        return self.device.run(f"pgrep --parent {self.line_process()} --full inspect-process")[1].strip()

    def restarts(self):
        """How often systemd has started the unit again."""
        return int(self.device.say(f"systemctl show --property NRestarts --value {self.unit}"))

    def invocation(self):
        """systemd's name for this life of the unit; a unit that is stopped has none."""
        return self.device.say(f"systemctl show --property InvocationID --value {self.unit}")

    def log(self, invocation):
        """The log of one life of the unit."""
        return self.device.say(f"journalctl _SYSTEMD_INVOCATION_ID={invocation} --output cat --no-pager")

    def told(self, invocation):
        """What the log of one life of the unit says of its parts, by number."""
        return told(self.log(invocation))

    def journal(self, lines=40):
        """What the unit said last."""
        return self.device.run(f"journalctl --unit {self.unit} --output cat --no-pager --lines {lines}")[1]


def read_sequence(text):
    """The verdicts of a file that has one a line."""
    return [Verdict(line) for line in text.split()]
