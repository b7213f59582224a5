#!/usr/bin/env bash
# camera_cost.sh PROGRAM DOUBLE LIBREALSENSE [SECONDS]: what the way of pictures costs at three sizes, by `twinspect bench
# --camera`, without a camera: with librealsense's software device, and with recordings of it that `record --recording`
# writes. PROGRAM is twinspect; DOUBLE is libtwinspect_double_realsense.so, which `cargo build --release -p
# twinspect-double-realsense` makes; LIBREALSENSE is a folder as src/camera/tests/librealsense fetches it. Needs cc, python3, and
# room for a recording: 138 MB a second. Of V4L2 there is src/camera/examples/v4l2_cost.rs.
set -euo pipefail
if [ $# -lt 3 ]; then
    echo "usage: $0 PROGRAM DOUBLE LIBREALSENSE [SECONDS]" >&2
    exit 2
fi
program=$(realpath "$1") double=$(realpath "$2") real=$(realpath "$3") seconds=${4:-20}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
: > nothing.c
cc -shared -Wl,--no-as-needed -o librealsense2.so nothing.c "$double" "$real/librealsense2.so"
export TWINSPECT_LIBREALSENSE=$real

# table SOURCE: a line of the figures on standard input.
table() {
    python3 -c '
import json, sys
found = json.load(sys.stdin)
stages = {stage["stage"]: stage for stage in found["stages"]}
frame, cpu = found["frame"], found["cpu"]
cells = [sys.argv[1], "%d x %d" % (frame["width"], frame["height"]), "%.1f" % found["pictures_a_second"]]
for name in ("handed over", "depth onto colour", "colour", "prepare", "arrival to tensors"):
    cells.append(" ".join("%.2f" % stages[name][key] for key in ("p50_ms", "p99_ms", "p99_9_ms")))
cells.append(" + ".join("%.0f" % (100 * cpu[key]) for key in ("camera", "capture", "prepare")) + " = %.0f %%" % (100 * cpu["all"]))
print("| " + " | ".join(cells) + " |", flush=True)
' "$1"
}

# station KIND KEYS SIZE: its configuration. Patient, for a machine that does other things too.
station() {
    printf '[camera]\nkind = "%s"\n%s\n[realsense]\nlibrary = "%s"\n' "$1" "$2" "$work"
    printf 'wait_max_ms = 20000\nage_max_ms = 10000\nstall_max_ms = 10000\n'
    # A recording plays as it was recorded.
    if [ "$1" != recording ]; then
        printf 'width = %s\nheight = %s\ndepth_width = %s\ndepth_height = %s\n' "${3%x*}" "${3#*x}" "${3%x*}" "${3#*x}"
        printf 'warm_up_pairs = 10\nfirst_pair_max_ms = 20000\n'
    fi
}

echo "| pictures of | size | a second | handed over | depth onto colour | colour | prepare | arrival to tensors | CPU: camera + laying out + preparation |"
echo "|---|---|---|---|---|---|---|---|---|"
for size in 640x480 848x480 1280x720; do
    export TWINSPECT_DOUBLE_REALSENSE=size=$size,rate=30
    station realsense "" "$size" > live.toml
    "$program" bench --camera --config live.toml --seconds "$seconds" --json | table "software device"
    for ending in db3 bag; do
        if "$program" record --config live.toml --recording "belt.$ending" --seconds 6 > record.txt 2>&1; then
            grep "pairs recorded" record.txt >&2
            station recording "file = \"belt.$ending\"
repeat = true" "$size" > played.toml
            "$program" bench --camera --config played.toml --seconds "$seconds" --json | table ".$ending"
        fi
        rm -f belt.*
    done
done
