"""Compares networks with what twinspect says that they compute, in onnxruntime.

    python tests/python/check_onnx.py CASES.json [TOLERANCE]

CASES.json holds a list; each case names files beside it:

    {"name": "cap, golden 000, rgb", "network": "rgb.onnx",
     "inputs": [{"name": "picture", "shape": [1, 3, 256, 256], "file": "000.rgb.input"}],
     "output": {"name": "maps", "shape": [1, 3, 64, 64], "file": "000.rgb.maps"}}

Tensors are raw little-endian float32. Each network passes onnx.checker with full shape inference;
the largest difference of each case, as a share of the expected values' range, is printed. Ends
with 1 if one is above TOLERANCE (1e-3). `cargo test --workspace` writes the cases and runs this
where TWINSPECT_PYTHON names a Python that has onnx, onnxruntime and numpy.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

OPSET = 17


def session(path: Path) -> onnxruntime.InferenceSession:
    """The checked network, on one thread of the CPU."""
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    found = {entry.domain: entry.version for entry in model.opset_import}
    if found != {"": OPSET}:
        raise SystemExit(f"{path.name}: operator sets {found}, expected only {OPSET} of ONNX")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def tensor(folder: Path, description: dict) -> np.ndarray:
    """A tensor from its file."""
    values = np.fromfile(folder / description["file"], dtype="<f4")
    return values.reshape(description["shape"])


def share(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference as a share of the expected range; infinite for what is no number."""
    span = float(expected.max() - expected.min())
    worst = float(np.abs(found - expected).max())
    return worst / span if span > 0 and np.isfinite(worst) else float("inf")


def main() -> int:
    cases_file = Path(sys.argv[1])
    tolerance = float(sys.argv[2]) if len(sys.argv) > 2 else 1e-3
    folder = cases_file.parent
    cases = json.loads(cases_file.read_text())
    sessions: dict[str, onnxruntime.InferenceSession] = {}
    failures = 0
    for case in cases:
        network = case["network"]
        if network not in sessions:
            sessions[network] = session(folder / network)
        feed = {given["name"]: tensor(folder, given) for given in case["inputs"]}
        (found,) = sessions[network].run([case["output"]["name"]], feed)
        expected = tensor(folder, case["output"])
        if found.shape != expected.shape:
            print(f"{case['name']}: shape {found.shape}, expected {expected.shape}")
            failures += 1
            continue
        worst = share(found, expected)
        verdict = "" if worst <= tolerance else f"  above {tolerance:.0e}"
        print(f"{case['name']}: {worst:.2e} of the range{verdict}")
        failures += worst > tolerance
    print(f"{len(cases)} cases, {len(sessions)} networks, {failures} failures")
    return 1 if failures or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
