"""experiments/peers.py: what it asks of the others, on the committed models, and what it makes of their answers."""

import contextlib
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from device.inference import runtime
from experiments import onnx_peer, peers
from experiments.onnx_peer import Onnx
from experiments.peers import Round, Runs
from tests.conftest import ROOT, environment, model

pytestmark = pytest.mark.programs
RUNS = Runs(300, 30)


def test_litert_benchmark_tells_all_digits_of_what_it_prints(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    words: list[str | Path] = ["--model", model("float32"), "--num_runs", "50", "--result_json", result]
    done = subprocess.run(
        [sys.executable, "-m", "experiments.litert_benchmark", *words],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    latency = json.loads(result.read_bytes())["latency"]
    for name, figure in (("median", "median_ms"), ("avg", "avg_ms"), ("max", "max_ms")):
        assert f"Inference ({name}):".ljust(22) + f" {latency[figure]:.2f} ms" in done.stdout
    assert latency["max_ms"] != round(latency["max_ms"], 2)
    assert latency["num_runs"] == 50


def test_both_figures_are_of_one_network() -> None:
    """Not how far they are apart: a test must not fail because the machine is busy."""
    for told in (peers.ours(model("int8"), RUNS), peers.litert_benchmark(model("int8"), RUNS)):
        assert told.keys() == {"p50_ms", "mean_ms"}
        assert told["p50_ms"] > 0


def test_as_many_runs_as_the_time_holds() -> None:
    runs = Runs.of(model("int8"))
    assert runs.count > runs.warmup >= peers.FEWEST_RUNS


def test_a_frame_through_both() -> None:
    environment("mediapipe")
    ways, missing = peers.frame_ways(model("int8"), None)
    assert missing is None
    assert all(way()["p50_ms"] > 0 for way in ways.values())
    assert list(ways) == ["our frame", "mediapipe"]


def test_no_frame_without_labels(tmp_path: Path) -> None:
    ways, missing = peers.frame_ways(ROOT / "benchmarks/gate/networks/small.tflite", None)
    assert not ways
    assert missing == "the file has no card; give --labels"


def test_without_its_environment_onnxruntime_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_peer, "PYTHON", tmp_path / "python")  # also where the environment was made
    assert Onnx(model("float32"), tmp_path).row()["missing"] == "no environment .venv-onnxruntime"


@pytest.mark.skipif(not onnx_peer.PYTHON.exists(), reason="the environment .venv-onnxruntime is made by hand")
def test_onnxruntime_computes_the_same_network(tmp_path: Path) -> None:
    onnx = Onnx(model("float32"), tmp_path)
    assert onnx.missing is None
    assert onnx.largest_error is not None and onnx.largest_error < 1e-5
    assert len(onnx.times_ms(7, 2)) == 7


def rounds(ours_ms: float) -> list[Round]:
    return [
        {
            "ours": {"p50_ms": ours_ms * (1 + 0.001 * number), "mean_ms": 2.0},
            "litert-benchmark": {"p50_ms": 1.0, "mean_ms": 1.0},
            "our call": {"p50_ms": 0.1, "mean_ms": 0.1},
            "litert-benchmark's call": {"p50_ms": 0.2, "mean_ms": 0.2},
        }
        for number in range(6)
    ]


@pytest.mark.parametrize(
    ("ours_ms", "agrees"), [(0.9, False), (0.949, True), (1.0, True), (1.049, True), (1.06, False)]
)
def test_what_contradicts_the_other_measurement(ours_ms: float, agrees: bool) -> None:
    row = peers.summary(rounds(ours_ms))
    assert row["agrees"] is agrees
    low, high = row["ratio"]["interval"]
    assert low <= row["ratio"]["median"] <= high
    assert row["ratio"]["median"] == pytest.approx(ours_ms * 1.0025, abs=2e-4)
    assert row["ratio_without_calls"]["median"] == pytest.approx((ours_ms * 1.0025 - 0.1) / 0.8, abs=3e-4)
    assert row["agrees_without_calls"] is (ours_ms == 0.9)
    assert row["mean_ratio"]["median"] == 2
    assert row["ratio_to_onnxruntime"] is None and row["frame_to_mediapipe"] is None


@pytest.mark.tensorflow
def test_a_network_that_does_nearly_nothing(tmp_path: Path) -> None:
    """The mean of one pixel is that pixel."""
    path = peers.nearly_nothing(tmp_path)
    pixel = np.array([[[[3.0, 5.0, 7.0]]]], np.float32)
    interpreter = runtime.find("litert").open(path, 1)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], pixel)
    interpreter.invoke()
    np.testing.assert_array_equal(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]), [[3, 5, 7]])


def test_fewer_pairs_than_an_interval_takes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["peers", str(model("int8")), "--pairs", "5"])
    said = io.StringIO()
    with contextlib.redirect_stderr(said), pytest.raises(SystemExit):
        peers.main()
    assert "5 is not a whole number from 6" in said.getvalue()
