"""Our figures beside those of others who measure or run the same file: litert-benchmark, MediaPipe, onnxruntime.

    python -m experiments.peers MODEL… [--pairs 20] [--labels FILE]     four minutes a model; nothing else may run

In each of 20 rounds every way has a fresh process, in random order, all of them pinned to one processor (MediaPipe has
no option for threads). A ratio is taken within each round; 'median' is Hodges and Lehmann's over rounds with its 95 %
interval.

litert-benchmark prints mean, median, minimum, maximum, p5 and p95 of --num_runs invocations that follow
--warmup_runs others, after its own wall clock. Its median is compared with ours, each of as many runs after as many
warm-ups, one thread, both through XNNPACK: LiteRT's Interpreter in ours, LiteRT's CompiledModel in it. The mean stands
beside; where others use the machine it says more of them than of the network.

Its invocation goes through more Python, which takes about 1 µs more: nothing of a network of 1 ms, 6 % of one of 0.02.
So both also time a network that does nearly nothing, in every round, and a second ratio is of what is left when each
one's own call is taken off: the network's time itself.

onnxruntime runs what tf2onnx makes of the file, where that is the same network (onnx_peer.py).
MediaPipe's ImageClassifier and our frame path take the same frames of 1280x720. Writes results/peers.json.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks.statistics.stats import geometric_center
from benchmarks.timing.process import BenchmarkCase, TimingWorker
from device.commands import options
from device.model import card
from experiments import frames
from experiments.onnx_peer import Onnx
from experiments.record import ROOT, write

PAIRS = 20
# A median takes about so long.
MEASURING_S, WARMUP_S = 0.6, 0.1
FEWEST_RUNS = 20
AGREE = (0.95, 1.05)

# A way's milliseconds in one fresh process.
Way = Callable[[], dict[str, float]]
# What each way took.
Round = dict[str, dict[str, float]]
OURS, THEIRS = "ours", "litert-benchmark"
# The same two, of a network that does nearly nothing.
OUR_CALL, THEIR_CALL = "our call", "litert-benchmark's call"


@dataclass(frozen=True)
class Runs:
    """How many invocations count, and how many come before."""

    count: int
    warmup: int

    @staticmethod
    def of(model: Path) -> "Runs":
        """As many as fit into the time."""
        with TimingWorker([BenchmarkCase(model)]) as worker:
            p50_s = float(np.median(worker.burst(worker.series, WARMUP_S)[0].wall_ms)) / 1e3
        return Runs(max(FEWEST_RUNS, round(MEASURING_S / p50_s)), max(FEWEST_RUNS, round(WARMUP_S / p50_s)))


def typical(times_ms: Sequence[float]) -> dict[str, float]:
    """Median and mean of some times in ms."""
    return {"p50_ms": float(np.median(times_ms)), "mean_ms": float(np.mean(times_ms))}


def ours(model: Path, runs: Runs) -> dict[str, float]:
    """This project's times of so many runs after so many warm-ups, in a fresh process."""
    times_ms: list[float] = []
    with TimingWorker([BenchmarkCase(model)]) as worker:
        while len(times_ms) < runs.warmup + runs.count:
            (samples,) = worker.burst(worker.series, MEASURING_S)
            if samples.error is not None:
                raise SystemExit(f"{model}: {samples.error}")
            times_ms += samples.wall_ms.tolist()
    return typical(times_ms[runs.warmup : runs.warmup + runs.count])


def litert_benchmark(model: Path, runs: Runs) -> dict[str, float]:
    """litert-benchmark's times of as many runs and warm-ups, in ms, not rounded."""
    words: list[str | Path] = ["--num_threads", "1", "--num_runs", str(runs.count), "--warmup_runs", str(runs.warmup)]
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        command: list[str | Path] = [
            sys.executable,
            "-m",
            "experiments.litert_benchmark",
            "--model",
            model,
            "--result_json",
            result,
        ]
        subprocess.run([*command, *words], capture_output=True, check=True, cwd=ROOT)
        latency = json.loads(result.read_bytes())["latency"]
    return {"p50_ms": latency["median_ms"], "mean_ms": latency["avg_ms"]}


def nearly_nothing(into: Path) -> Path:
    """A .tflite that takes the mean of a pixel."""
    import keras
    from keras import layers

    from export.conversion import convert
    from train.environment import keras_settings

    keras_settings.apply()
    pixel = layers.Input((1, 1, 3))
    keras.Model(pixel, layers.GlobalAveragePooling2D()(pixel)).save(into / "nothing.keras")
    path = into / "nothing.tflite"
    path.write_bytes(convert.to_tflite(into / "nothing.keras"))
    return path


def frame(command: Sequence[str | Path]) -> dict[str, float]:
    """A worker of experiments/frames.py; its first block is the warm-up."""
    with frames.Worker(command) as worker:
        blocks = [worker.block() for _ in range(round(MEASURING_S / frames.BLOCK_S))]
    return typical([row["frame"] for block in blocks for row in block])


def frame_ways(model: Path, labels: Path | None) -> tuple[dict[str, Way], str | None]:
    """Our frame path and MediaPipe's, or why not."""
    if labels is None and card.read(model) is None:
        return {}, "the file has no card; give --labels"
    if not frames.MEDIAPIPE.exists():
        return {}, "no environment .venv-mediapipe"
    mine: list[str | Path] = [sys.executable, "-m", "experiments.frames", "--worker", model, "--threads", "1"]
    mine += ["--labels", labels] if labels else []
    theirs = [frames.MEDIAPIPE, frames.PEER, model]
    try:
        frame(theirs)
    except (EOFError, BrokenPipeError):
        return {}, "MediaPipe's ImageClassifier doesn't take the file"
    return {"our frame": lambda: frame(mine), "mediapipe": lambda: frame(theirs)}, None


def measure(model: Path, pairs: int, labels: Path | None) -> dict[str, Any]:
    """A row: each way's times in ms over rounds, and ratios with their 95 % intervals. pairs: rounds."""
    runs = Runs.of(model)
    with tempfile.TemporaryDirectory() as folder:
        onnx = Onnx(model, Path(folder))
        by_frame, no_frame = frame_ways(model, labels)
        nothing = nearly_nothing(Path(folder))
        calls = Runs.of(nothing)
        ways: dict[str, Way] = {
            OURS: lambda: ours(model, runs),
            THEIRS: lambda: litert_benchmark(model, runs),
            OUR_CALL: lambda: ours(nothing, calls),
            THEIR_CALL: lambda: litert_benchmark(nothing, calls),
            **({} if onnx.missing else {"onnxruntime": lambda: typical(onnx.times_ms(runs.count, runs.warmup))}),
            **by_frame,
        }
        order = random.Random(1)
        rounds = [
            {way: ways[way]() for way in order.sample(list(ways), len(ways))}
            for _ in tqdm(range(pairs), model.name, disable=None)
        ]
    named = {"file": model.name, "pairs": pairs, "runs": runs.count}
    return {**named, **summary(rounds), "onnxruntime": onnx.row(), "mediapipe": {"missing": no_frame}}


def summary(rounds: Sequence[Round]) -> dict[str, Any]:
    """The figures of enough rounds for an interval, all with the same ways."""
    found = ratio(rounds, OURS, THEIRS)
    alone = ratio([without_calls(each) for each in rounds], OURS, THEIRS)
    return {
        "p50_ms": {way: float(np.median([each[way]["p50_ms"] for each in rounds])) for way in rounds[0]},
        "ratio": found,
        "agrees": agrees(found),
        "ratio_without_calls": alone,
        "agrees_without_calls": agrees(alone),
        "mean_ratio": ratio(rounds, OURS, THEIRS, "mean_ms"),
        "ratio_to_onnxruntime": ratio(rounds, OURS, "onnxruntime"),
        "frame_to_mediapipe": ratio(rounds, "our frame", "mediapipe"),
    }


def without_calls(taken: Round) -> Round:
    """Both medians less what each takes for a network that does nearly nothing, in the same round."""
    return {
        way: {"p50_ms": taken[way]["p50_ms"] - taken[call]["p50_ms"]}
        for way, call in ((OURS, OUR_CALL), (THEIRS, THEIR_CALL))
    }


def agrees(found: dict[str, Any]) -> bool:
    """Whether the ratio's interval touches what counts as agreement."""
    low, high = found["interval"]
    return bool(low <= AGREE[1] and high >= AGREE[0])


def ratio(rounds: Sequence[Round], a: str, b: str, figure: str = "p50_ms") -> Any:
    """a's to b's, round by round; null where one of them is missing."""
    if not {a, b} <= rounds[0].keys():
        return None
    ratios = [each[a][figure] / each[b][figure] for each in rounds]
    found = geometric_center(ratios)
    assert found is not None
    return {
        "median": round(found.middle, 4),
        "interval": [round(found.low, 4), round(found.high, 4)],
        "rounds": [round(value, 4) for value in ratios],
    }


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("models", nargs="+", type=Path)
    asked.add_argument("--pairs", type=options.whole_number(6, 1000), default=PAIRS, help="at least 6; default 20")
    asked.add_argument("--labels", type=Path, help="of the models that carry none")
    given = asked.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    rows = []
    for model in given.models:
        labels = given.labels.resolve() if given.labels and card.read(model) is None else None
        rows.append(measure(model.resolve(), given.pairs, labels))
        print(json.dumps(rows[-1], indent=1))
    write("peers", rows, f"python -m experiments.peers {' '.join(model.name for model in given.models)}", agree=AGREE)


if __name__ == "__main__":
    main()
