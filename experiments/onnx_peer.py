"""A .tflite file's network in onnxruntime, if tf2onnx makes the same network of it: float32 files alone, so far.

Of int8 files it makes none (it reads attributes that LiteRT's converter doesn't write), or one whose scores differ by
several steps. The environment takes 1.7 GB, since tf2onnx imports TensorFlow, and isn't made by `make test-setup`:

    python -m venv .venv-onnxruntime && .venv-onnxruntime/bin/pip install -r requirements/onnxruntime.txt
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.timing import workload
from device.inference import runtime
from experiments.record import ROOT

PYTHON = ROOT / ".venv-onnxruntime/bin/python"
SCRIPT = ROOT / "experiments/onnx_invoke.py"
# Of a score; float32 kernels of two makers differ by less than a hundredth of it.
SAME_SCORES = 1e-4


class Onnx:
    """Converted into `folder`. missing: why it can't be timed; largest_error: of a score, against LiteRT."""

    def __init__(self, model: Path, folder: Path) -> None:
        self.model, self.pixels = folder / "model.onnx", folder / "pixels.npy"
        self.version: str | None = None
        self.largest_error: float | None = None
        self.missing = self._convert(model) if PYTHON.exists() else "no environment .venv-onnxruntime"

    def _convert(self, model: Path) -> str | None:
        command: list[str | Path] = [PYTHON, "-m", "tf2onnx.convert", "--tflite", model, "--output", self.model]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            return f"tf2onnx can't convert it: {done.stderr.strip().splitlines()[-1]}"
        interpreter = workload.load(model, 1, runtime.find("litert")).interpreter
        np.save(self.pixels, interpreter.get_tensor(interpreter.get_input_details()[0]["index"]))
        expected = interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).ravel().astype(float)
        first = self._invoke(1, 0)
        self.version = first["version"]
        self.largest_error = float(np.abs(np.array(first["scores"]) - expected).max())
        if self.largest_error > SAME_SCORES:
            return f"tf2onnx makes another network of it: a score differs by {self.largest_error:.2g}"
        return None

    def times_ms(self, runs: int, warmup_runs: int) -> list[float]:
        """Of so many runs in a fresh process, one thread."""
        times: list[float] = self._invoke(runs, warmup_runs)["ms"]
        return times

    def _invoke(self, runs: int, warmup_runs: int) -> dict[str, Any]:
        command: list[str | Path] = [PYTHON, SCRIPT, self.model, self.pixels, str(runs), str(warmup_runs)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def row(self) -> dict[str, Any]:
        """For the document: why the network could not be made, or the version and the largest difference of a score."""
        return {"missing": self.missing, "version": self.version, "largest_error": self.largest_error}
