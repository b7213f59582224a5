# What a suite is: a command with a name and a time limit that says what it took. Sourced by `.ci/run`.

current="nothing"
failed() {
    local status=$?
    if [ "$status" -eq 124 ]; then
        echo "== $current: over its time limit"
    else
        echo "== $current: failed with exit code $status"
    fi
    exit "$status"
}
trap failed ERR

# suite NAME SECONDS COMMAND...
suite() {
    current=$1
    local limit=$2
    shift 2
    printf '\n== %s (limit %d s): %s\n' "$current" "$limit" "$*"
    TIMEFORMAT="== $current: %0R s, CPU %0U s + %0S s"
    time timeout --kill-after=30 "$limit" "$@"
}

skipped() {
    printf '\n== %s: skipped, %s\n' "$1" "$2"
}

# beside NAME COMMAND...: starts what waits for the network, or can't use more than one core, while others compute. What it
# says goes to a file in target/ci and is shown by `await NAME`, which ends the run if it failed.
declare -A beside_process beside_log
beside() {
    local name=$1
    shift
    beside_log[$name]=target/ci/${name//[^a-z0-9]/-}.log
    printf '\n== %s: beside what follows\n' "$name"
    "$@" >"${beside_log[$name]}" 2>&1 &
    beside_process[$name]=$!
}

await() {
    local status=0
    wait "${beside_process[$1]}" || status=$?
    cat "${beside_log[$1]}"
    unset "beside_process[$1]"
    if [ "$status" -ne 0 ]; then
        trap - ERR
        exit "$status"
    fi
}

# A run that ends early leaves nothing behind that still works. `timeout` passes the signal on to what it started.
end_what_is_beside() {
    local process
    for process in "${beside_process[@]}"; do
        pkill -TERM -P "$process" || true
        kill "$process" 2>/dev/null || true
    done
}
trap end_what_is_beside EXIT
