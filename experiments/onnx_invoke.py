"""Runs inside .venv-onnxruntime: a network in ONNX, one thread, in a process of its own.

    python onnx_invoke.py MODEL.onnx INPUT.npy RUNS WARMUP_RUNS

One line of JSON: onnxruntime's version, the scores for that input, and what each run after the warm-up took, in ms.
Nothing of framelite is imported here.
"""

import json
import sys
from time import perf_counter

import numpy as np
import onnxruntime


def main() -> None:
    model, pixels, runs, warmup_runs = sys.argv[1], np.load(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: pixels}
    times_ms = []
    for _ in range(warmup_runs + runs):
        start = perf_counter()
        scores = session.run(None, feed)
        times_ms.append(1e3 * (perf_counter() - start))
    document = {"version": onnxruntime.__version__, "scores": scores[0].ravel().tolist(), "ms": times_ms[warmup_runs:]}
    print(json.dumps(document))


if __name__ == "__main__":
    main()
