"""Brings parts: text of bash programs that run in the device, where a command takes no round trip."""

from dataclasses import dataclass

TRACING = "/sys/kernel/tracing"
CONFIGFS = "/sys/kernel/config/gpio-sim/belt"
CHIP_LABEL = "virtual-line"
# The order is that of the lines of the chip.
WIRES = (
    *("SENSOR", "PASS", "REJECT", "READY", "BUSY", "ENCODER_A", "ENCODER_B"),
    *("RESULT_VALID", "OK", "NG", "ERROR", "ACK"),
    *("RECIPE_0", "RECIPE_1", "RECIPE_2"),
)

# Waiting without starting a process, which takes an emulated machine longer than the wait.
NAP = "[ -p /run/nap ] || mkfifo /run/nap; nap() { read -rt $1 <>/run/nap || true; }"


@dataclass(frozen=True)
class Wires:
    """A simulated chip: its device, its folder in sysfs, and the kernel's number of its first line."""

    chip: str
    folder: str
    base: int

    @property
    def names(self):
        """The wire of each of the kernel's numbers."""
        return {self.base + offset: wire for offset, wire in enumerate(WIRES)}

    def pull(self, wire):
        """The file that says what the machine's side drives into a wire."""
        return f"{self.folder}/sim_gpio{WIRES.index(wire)}/pull"

    def value(self, wire):
        """The file with the level of a wire."""
        return f"{self.folder}/sim_gpio{WIRES.index(wire)}/value"


def make_wires():
    """Makes the chip; its program prints device, folder and base."""
    names = "\n".join(
        f"mkdir {CONFIGFS}/bank/line{offset}; echo {wire} >{CONFIGFS}/bank/line{offset}/name"
        for offset, wire in enumerate(WIRES)
    )
    return f"""
set -e
modprobe gpio-sim
mountpoint -q /sys/kernel/config || mount -t configfs none /sys/kernel/config
mkdir -p {CONFIGFS}/bank
echo {len(WIRES)} >{CONFIGFS}/bank/num_lines
echo {CHIP_LABEL} >{CONFIGFS}/bank/label
{names}
echo 1 >{CONFIGFS}/live
udevadm settle
chip=$(<{CONFIGFS}/bank/chip_name)
platform=/sys/devices/platform/$(<{CONFIGFS}/dev_name)
echo "$chip $platform/$chip $(cat "$platform"/gpio/gpiochip*/base)"
"""


def start_trace():
    """From now on levels and marks are kept, with the clock of the edge events."""
    return f"""
cd {TRACING}
echo mono >trace_clock
echo 4096 >buffer_size_kb
echo 1 >events/gpio/gpio_value/enable
echo 1 >tracing_on
echo >trace
"""


def mark(text):
    """Writes a mark."""
    return f"echo '{text}' >{TRACING}/trace_marker"


def bring(wires, first, count, there_s, gap_s):
    """Brings parts, one after the other: each lies before the sensor for `there_s`, and `gap_s` passes before the next
    one comes.
    """
    sensor = wires.pull("SENSOR")
    return f"""
{NAP}
for ((part = {first}; part < {first + count}; part++)); do
    echo "part $part comes" >{TRACING}/trace_marker
    echo pull-up >{sensor}
    echo "part $part is there" >{TRACING}/trace_marker
    nap {there_s}
    echo pull-down >{sensor}
    nap {gap_s}
done
"""


@dataclass(frozen=True)
class Turns:
    """A belt with an encoder of two channels, and parts on it at equal ways: the front of part N comes to the sensor at
    the count N * `pitch`, and its end `length` counts later.
    """

    wires: Wires
    pitch: int
    length: int
    nap_s: float = 0.01

    def program(self, moves, first_count):
        """Moves the belt: so many counts forward or, below zero, back; or (a number in a tuple) seconds without a move.
        A belt that turns back must not bring an edge of a part to the sensor again.
        """
        steps = "\n".join(f"nap {move[0]}" if isinstance(move, tuple) else f"move {move}" for move in moves)
        a, b, sensor = (self.wires.pull(wire) for wire in ("ENCODER_A", "ENCODER_B", "SENSOR"))
        return f"""
{NAP}
count={first_count}
move() {{
    local way=1 left=$1
    [ "$left" -gt 0 ] || {{ way=-1; left=$((-left)); }}
    for ((; left > 0; left--)); do
        count=$((count + way))
        echo "count $count comes" >{TRACING}/trace_marker
        case $way:$((count % 4)) in
        1:1 | -1:2) echo pull-up >{a} ;;
        1:2 | -1:3) echo pull-up >{b} ;;
        1:3 | -1:0) echo pull-down >{a} ;;
        1:0 | -1:1) echo pull-down >{b} ;;
        esac
        if [ $way = 1 ]; then
            case $((count % {self.pitch})) in
            0)
                echo "part $((count / {self.pitch})) comes" >{TRACING}/trace_marker
                echo pull-up >{sensor}
                echo "part $((count / {self.pitch})) is there" >{TRACING}/trace_marker
                ;;
            {self.length}) echo pull-down >{sensor} ;;
            esac
        fi
        nap {self.nap_s}
    done
}}
{steps}
"""


def read_results(wires, count, limit_s):
    """A machine that reads so many results by the handshake, and gives up after a time."""
    valid, ack = wires.value("RESULT_VALID"), wires.pull("ACK")
    return f"""
{NAP}
wait_for() {{
    local level
    until read -r level <{valid} && [ "$level" = "$1" ]; do
        [ $SECONDS -lt $end ] || exit
        nap 0.005
    done
}}
end=$((SECONDS + {limit_s}))
for ((result = 1; result <= {count}; result++)); do
    wait_for 1
    echo "result $result is read" >{TRACING}/trace_marker
    echo pull-up >{ack}
    wait_for 0
    echo "result $result is over" >{TRACING}/trace_marker
    echo pull-down >{ack}
done
"""
