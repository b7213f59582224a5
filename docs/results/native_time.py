"""Our own CPU engine beside onnxruntime: the same networks, alternating in one run.

    cargo build --release -p twinspect-engine --example network_time
    python3 docs/results/native_time.py target/release/examples/network_time models/cap.twb models/bracket.twb
    python3 docs/results/native_time.py --threads 2 target/release/examples/network_time models/cap.twb

What is named are ONNX files, or bundles, of which each network counts. Needs numpy and onnxruntime (tests/python/requirements.txt).
Each engine is a process of its own, and they take turns; figures are medians of many rounds with their quartiles, ratios those
of each round's figures.

One thread: CPU time. Wall times would tell how busy the machine is; the kernel's account of what each process had of a core does not,
though caches and cores that are shared make both slower. More threads: CPU and wall time, so that the machine should be quiet;
of a bundle the two stages run in one pool of as many threads too, as on the device. `--spin` lets onnxruntime's threads wait for each other in a loop, as they do if nobody says otherwise; that is counted.

Loading, of tract too: CPU and wall time of fresh processes, in turns. Memory is the most that was resident after three runs, program,
file and inputs included; what the process had before it loaded the network is told beside it.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import numpy
import onnxruntime

# By the number of threads.
ROUNDS = {1: 40, 2: 60, 4: 60}
RUNS = {1: 3, 2: 1, 4: 1}
LOADS = 7
RUNS_AFTER_LOADING = 3
# A bundle's networks that don't wait for each other.
STAGES = ["rgb.onnx", "geometry.onnx"]


def session(onnx, threads=1, spin=False):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spin else "0")
    return onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])


def serve(threads, spin, order, folders):
    """What the example `network_time` does, by onnxruntime; in `order`, side by side or in turn."""
    given = []
    for folder in folders:
        with open(f"{folder}/shapes") as file:
            shapes = [[int(size) for size in line.split()] for line in file]
        inputs = [numpy.fromfile(f"{folder}/input{i}.f32", numpy.float32).reshape(shape) for i, shape in enumerate(shapes)]
        with open(f"{folder}/network.onnx", "rb") as file:
            given.append((file.read(), inputs))
    print("ready", flush=True)
    sys.stdin.readline()
    tasks = []
    while given:
        onnx, inputs = given.pop(0)
        loaded = session(onnx, threads, spin)
        tasks.append((loaded, {tensor.name: values for tensor, values in zip(loaded.get_inputs(), inputs)}))
    del onnx
    print("done", flush=True)
    answers = [None] * len(tasks)

    def run(place):
        loaded, inputs = tasks[place]
        answers[place] = loaded.run(None, inputs)

    with ThreadPoolExecutor(len(tasks)) as pool:
        for line in sys.stdin:
            for _ in range(int(line)):
                if order == "beside":
                    others = [pool.submit(run, place) for place in range(1, len(tasks))]
                    run(0)
                    for other in others:
                        other.result()
                else:
                    for place in range(len(tasks)):
                        run(place)
            print("done", flush=True)
    for folder, answer in zip(folders, answers):
        for i, values in enumerate(answer):
            numpy.save(f"{folder}/expected{i}.npy", values)


class Process:
    """An engine with its networks."""

    def __init__(self, command):
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.answer("ready")
        self.empty_mb = self.peak_mb()
        self.load_wall, self.load_cpu, self.remark = self.ask("load")

    def answer(self, word):
        answer = self.child.stdout.readline()
        if not answer.startswith(word):
            sys.exit(f"no {word} from {' '.join(self.child.args)}")
        return answer.removeprefix(word).strip()

    def ask(self, line):
        """Wall and CPU time until the answer, in ms, and what it says."""
        cpu, wall = self.cpu_ms(), time.perf_counter()
        print(line, file=self.child.stdin, flush=True)
        remark = self.answer("done")
        return (time.perf_counter() - wall) * 1e3, self.cpu_ms() - cpu, remark

    def run(self, runs):
        """Wall and CPU time of a run, in ms."""
        wall, cpu, _ = self.ask(runs)
        return wall / runs, cpu / runs

    def cpu_ms(self):
        """CPU time of all its threads; it waits."""
        tasks = f"/proc/{self.child.pid}/task"
        spent = (open(f"{tasks}/{task}/schedstat").read().split()[0] for task in os.listdir(tasks))
        return sum(map(int, spent)) / 1e6

    def peak_mb(self):
        lines = open(f"/proc/{self.child.pid}/status").read().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))

    def end(self):
        self.child.stdin.close()
        if self.child.wait() != 0:
            sys.exit(f"{' '.join(self.child.args)} ended with {self.child.returncode}")


class Engines:
    """Their commands for some networks."""

    def __init__(self, program, spin):
        self.program = program
        self.spin = spin

    def native(self, threads, *folders):
        return [self.program, "native", str(threads), *folders]

    def tract(self, *folders):
        return [self.program, "tract", "1", *folders]

    def onnxruntime(self, threads, order, *folders):
        return [sys.executable, __file__, "serve", str(threads), "spin" if self.spin else "wait", order, *folders]


def told(values):
    values = sorted(values)
    low, high = values[len(values) // 4], values[3 * len(values) // 4]
    return f"{statistics.median(values):6.2f} ({low:.2f} to {high:.2f}, least {values[0]:.2f})"


def tell(label, mine, theirs, clocks):
    """A line of figures; with those of ours, the ratio of each round too."""
    parts = []
    for place, clock in clocks:
        text = f"{clock} {told([times[place] for times in theirs])} ms"
        if mine is not None:
            text += f", ours is {told([a[place] / b[place] for a, b in zip(mine, theirs)])} of it"
        parts.append(text)
    print(f"  {label}: {'; '.join(parts)}")


def race(commands, threads):
    """Rounds of all engines in turn, of which ours is the first: wall and CPU times by their names."""
    clocks = [(1, "CPU")] if threads == 1 else [(1, "CPU"), (0, "wall")]
    processes = {label: Process(command) for label, command in commands.items()}
    for process in processes.values():
        process.run(1)
    times = {label: [] for label in processes}
    for _ in range(ROUNDS[threads]):
        for label, process in processes.items():
            times[label].append(process.run(RUNS[threads]))
    for process in processes.values():
        process.end()
    ours, *others = processes
    if processes[ours].remark:
        print(f"  by tract: {processes[ours].remark}")
    tell(ours, None, times[ours], clocks)
    for label in others:
        tell(label, times[ours], times[label], clocks)
    return times


def worst_difference(folder):
    """Of what both have written, in ranges of a map."""
    worst = 0.0
    for file in os.listdir(folder):
        if file.endswith(".npy"):
            expected = numpy.load(f"{folder}/{file}")
            found = file.replace("expected", "output").replace(".npy", ".f32")
            found = numpy.fromfile(f"{folder}/{found}", numpy.float32).reshape(expected.shape)
            axes = tuple(range(2, expected.ndim)) if expected.ndim > 2 else None
            ranges = expected.max(axis=axes) - expected.min(axis=axes)
            differences = numpy.abs(found - expected).max(axis=axes)
            worst = max(worst, float((differences / numpy.where(ranges > 0, ranges, 1)).max()))
    return worst


def load(engines, folder):
    commands = {
        "native": engines.native(1, folder),
        "tract": engines.tract(folder),
        "onnxruntime": engines.onnxruntime(1, "turns", folder),
    }
    found = {label: [] for label in commands}
    for _ in range(LOADS):
        for label, command in commands.items():
            process = Process(command)
            process.run(RUNS_AFTER_LOADING)
            found[label].append((process.load_cpu, process.load_wall, process.peak_mb(), process.empty_mb))
            process.end()
    for label, figures in found.items():
        cpu, wall, peak, empty = (statistics.median(values) for values in zip(*figures))
        print(f"  {label} loads in {cpu:.0f} ms CPU, {wall:.0f} wall; {peak:.0f} MB at most, {empty:.0f} before")


def smooth_noise(shape):
    x = numpy.random.default_rng(1).normal(0, 1, shape).astype(numpy.float32)
    for axis in range(2, len(shape)):
        x = (x + numpy.roll(x, 1, axis) + numpy.roll(x, 2, axis)) / 2
    return x


def put(onnx, folder):
    """A network, and inputs for it, where both programs look."""
    os.mkdir(folder)
    with open(f"{folder}/network.onnx", "wb") as file:
        file.write(onnx)
    with open(f"{folder}/shapes", "w") as shapes:
        for i, tensor in enumerate(session(onnx).get_inputs()):
            values = smooth_noise(tensor.shape)
            # A fusion's mask: where there is a measurement.
            if tensor.name == "valid":
                values = (values > 0).astype(numpy.float32)
            values.tofile(f"{folder}/input{i}.f32")
            print(*tensor.shape, file=shapes)


def networks(path):
    if not path.endswith(".onnx"):
        with tarfile.open(path) as archive:
            files = [file for file in archive.getnames() if file.endswith(".onnx")]
            return {file: archive.extractfile(file).read() for file in files}
    with open(path, "rb") as file:
        return {os.path.basename(path): file.read()}


def compare(engines, path, threads, work):
    given = networks(path)
    folders = {file: os.path.join(work, file) for file in given}
    whole = []
    for file, folder in folders.items():
        put(given[file], folder)
        print(f"{path} {file}")
        theirs = "onnxruntime" if threads == 1 else f"onnxruntime, {threads} threads"
        commands = {"ours": engines.native(threads, folder), theirs: engines.onnxruntime(threads, "turns", folder)}
        whole.append(race(commands, threads))
        print(f"  results differ by {worst_difference(folder):.1e} of their range")
        load(engines, folder)
    if threads == 1 and len(whole) > 1:
        print(f"{path}, one network after the other")
        summed = {
            label: [tuple(map(sum, zip(*times))) for times in zip(*(each[label] for each in whole))] for label in whole[0]
        }
        tell("ours", None, summed["ours"], [(1, "CPU")])
        tell("onnxruntime", summed["ours"], summed["onnxruntime"], [(1, "CPU")])
    if threads > 1 and all(file in folders for file in STAGES):
        print(f"{path} {' and '.join(STAGES)}")
        stages = [folders[file] for file in STAGES]
        commands = {
            "ours in one pool": engines.native(threads, *stages),
            f"onnxruntime side by side, {threads} threads in all": engines.onnxruntime(threads // 2, "beside", *stages),
            f"onnxruntime in turn, {threads} threads each": engines.onnxruntime(threads, "turns", *stages),
        }
        race(commands, threads)


def main():
    if sys.argv[1:2] == ["serve"]:
        threads, spin, order, *folders = sys.argv[2:]
        serve(int(threads), spin == "spin", order, folders)
        return
    parser = argparse.ArgumentParser(description="Our own CPU engine beside onnxruntime.")
    parser.add_argument("--threads", type=int, choices=list(ROUNDS), default=1)
    parser.add_argument("--spin", action="store_true", help="let onnxruntime's threads wait in a loop")
    parser.add_argument("program", help="the example network_time of twinspect-engine, built for release")
    parser.add_argument("networks", nargs="+", metavar="network", help="an ONNX file or a bundle")
    args = parser.parse_args()
    rounds, runs = ROUNDS[args.threads], RUNS[args.threads]
    print(f"onnxruntime {onnxruntime.__version__}, {rounds} rounds of {runs} runs, threads: {args.threads}", flush=True)
    for path in args.networks:
        with tempfile.TemporaryDirectory() as work:
            compare(Engines(args.program, args.spin), path, args.threads, work)


main()
