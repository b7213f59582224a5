"""Our own CPU engine beside onnxruntime: the same networks, alternating in one run, CPU time of one thread.

    cargo build --release -p twinspect-native --example native_time
    python3 docs/results/native_time.py target/release/examples/native_time models/cap.twb models/bracket.twb

Needs numpy and onnxruntime (tests/python/requirements.txt). Wall times would tell how busy the machine is; the kernel's account of what
each process had of a core does not, though caches and cores that are shared make both slower. Hence medians of many rounds in which
both take turns, and the ratio of each round's two figures.
"""

import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time

import numpy
import onnxruntime

ROUNDS = 40
RUNS = 3


def cpu_ms(pid):
    """CPU time of all threads of a process that waits, in milliseconds."""
    tasks = os.listdir(f"/proc/{pid}/task")
    spent = (open(f"/proc/{pid}/task/{task}/schedstat").read().split()[0] for task in tasks)
    return sum(map(int, spent)) / 1e6


def session(onnx):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])


def smooth_noise(shape):
    x = numpy.random.default_rng(1).normal(0, 1, shape).astype(numpy.float32)
    for axis in (2, 3):
        x = (x + numpy.roll(x, 1, axis) + numpy.roll(x, 2, axis)) / 2
    return x


def told(values):
    values = sorted(values)
    low, high = values[len(values) // 4], values[3 * len(values) // 4]
    return f"{statistics.median(values):6.2f} ({low:.2f} to {high:.2f}, least {values[0]:.2f})"


def compare(program, name, onnx, folder):
    theirs = session(onnx)
    tensor = theirs.get_inputs()[0]
    x = smooth_noise(tensor.shape)
    expected = theirs.run(None, {tensor.name: x})[0]
    paths = [os.path.join(folder, file) for file in ("network.onnx", "x.f32", "y.f32")]
    with open(paths[0], "wb") as file:
        file.write(onnx)
    x.tofile(paths[1])
    ours = subprocess.Popen(
        [program, *paths], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )

    def run_ours():
        before = cpu_ms(ours.pid)
        print(RUNS, file=ours.stdin, flush=True)
        ours.stdout.readline()
        return (cpu_ms(ours.pid) - before) / RUNS

    def run_theirs():
        before = time.process_time()
        for _ in range(RUNS):
            theirs.run(None, {tensor.name: x})
        return (time.process_time() - before) * 1e3 / RUNS

    run_ours(), run_theirs()
    found = numpy.fromfile(paths[2], numpy.float32).reshape(expected.shape)
    ranges = expected.max(axis=(2, 3)) - expected.min(axis=(2, 3))
    worst = (numpy.abs(found - expected).max(axis=(2, 3)) / ranges).max()
    rounds = [(run_ours(), run_theirs()) for _ in range(ROUNDS)]
    ours.stdin.close()
    ours.wait()
    mine, other = zip(*rounds)
    ratio = told([a / b for a, b in rounds])
    print(f"{name}: ours {told(mine)} ms, onnxruntime {told(other)} ms, ratio {ratio}; maps differ by {worst:.1e} of the range")
    return mine, other


def main():
    program, bundles = sys.argv[1], sys.argv[2:]
    print(f"onnxruntime {onnxruntime.__version__}, {ROUNDS} rounds of {RUNS} runs, one thread")
    for bundle in bundles:
        with tarfile.open(bundle) as archive, tempfile.TemporaryDirectory() as folder:
            files = [file for file in archive.getnames() if file.endswith(".onnx")]
            stages = {file: archive.extractfile(file).read() for file in files}
            parts = [compare(program, f"{bundle} {file}", onnx, folder) for file, onnx in stages.items()]
        mine, other = ([sum(times) for times in zip(*side)] for side in zip(*parts))
        print(f"{bundle} whole part: ours {told(mine)} ms, onnxruntime {told(other)} ms")


main()
