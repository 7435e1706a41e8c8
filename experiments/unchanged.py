"""What a change must not alter, compared with another checkout: times, memory, answers, and the result of training.

    python -m experiments.unchanged --against CHECKOUT [--part frames,classify,live,answers,training]
        [--recarded FILE] [--model FILE... [--labels FILE]] [--images DIR] [--recipe NAME...] [--into NAME]

Nothing else may run. In minutes: frames 5, classify 5, live 5, answers 1, training as long as the recipes twice.

    frames     1280x720 to labels, in CPU time of the thread; processes of both checkouts take turns every few frames
    classify   `device classify MODEL IMAGE`, whole processes: wall time from start to answer, and peak memory (VmHWM)
    live       `device live` on a looped video file as fast as it goes: wall time of whole processes of FRAMES frames
    answers    every model's scores for --images (folders, too), compared bit by bit
    training   each --recipe trained in full and exported in both checkouts: weights and networks bit by bit, and top-1

A ratio is ours divided by theirs. A pair is two processes, one per checkout, that take turns; its ratio is the median
over rounds, the figure the mean of the logarithms over pairs with its t interval (experiments/interleaved.py). The
committed model is the other checkout's, for both; --recarded is the same network with a card of our schema. --model:
more .tflite files, larger, for frames and answers. Each part replaces its own rows in results/NAME.json (default
unchanged).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from ai_edge_litert.tools import flatbuffer_utils

from experiments.classify_cost import WRAPPED, draw
from experiments.interleaved import Command, Side, compare
from experiments.record import RESULTS, ROOT, read, write
from train.run import evaluation

PAIRS, ROUNDS, FEW_ROUNDS = 10, 60, 7
FRAMES = 3000
OPEN = """
import hashlib, json, sys, time
from pathlib import Path
import cv2
import numpy as np
try:
    from device.inference.classifier import Classifier
    from device.inference.overrides import Overrides
except ImportError:  # a checkout from before the rooms
    from device.classifier import Classifier
    from device.contract import Hints as Overrides
model, labels = Path(sys.argv[1]), sys.argv[2]
classifier = Classifier(model, Overrides(labels=Path(labels)) if labels else Overrides())
if hasattr(classifier, "preprocessor"):
    stream = classifier.preprocessor.stream()
    tensor_of = lambda image: stream(image, "BGR")
else:  # a checkout from before there was one
    from device.live.frame_path import FramePath
    from device.live.frames import Frame
    path = FramePath(classifier)
    tensor_of = lambda image: path.tensor(Frame(image))
"""
FRAME = f"""{OPEN}
count, random = int(sys.argv[3]), np.random.default_rng(0)
frames = [random.integers(0, 256, (720, 1280, 3), np.uint8) for _ in range(4)]
for line in sys.stdin:
    began = time.thread_time()
    for number in range(count):
        classifier.invoke(tensor_of(frames[number % 4]))
        classifier.top(classifier.scores(), 5)
    print(time.thread_time() - began, flush=True)
"""
SCORES = f"""{OPEN}
for line in sys.stdin:
    classifier.invoke(tensor_of(cv2.imread(line.rstrip())))
    scores = classifier.scores()
    print(json.dumps([classifier.top(scores, 1)[0].label, hashlib.sha256(scores.tobytes()).hexdigest()]))
"""
# A step is a whole process: its wall time, or what it says last on stderr.
PROCESS = """
import subprocess, sys, time
for line in sys.stdin:
    began = time.perf_counter()
    done = subprocess.run(sys.argv[2:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True)
    took = time.perf_counter() - began
    print(took if sys.argv[1] == "wall" else int(done.stderr.splitlines()[-1]), flush=True)
"""


@dataclass(frozen=True)
class Asked:
    """The command line."""

    against: Path
    recarded: Path | None
    more: list[Path]
    labels: Path | None
    images: Path | None
    recipes: list[str]

    @property
    def checkouts(self) -> tuple[Path, Path]:
        return ROOT, self.against

    @property
    def committed(self) -> tuple[Path, Path]:
        """The other checkout's committed model for us, and for the other."""
        theirs = self.against / "device/models/cifar10_int8.tflite"
        return self.recarded or theirs, theirs

    def models(self) -> list[tuple[tuple[Path, Path], Path | None, int]]:
        """What is compared: the file for each checkout, its labels, and how many frames a turn has."""
        return [(self.committed, None, 20), *(((model, model), self.labels, 3) for model in self.more)]


def frames(asked: Asked) -> list[dict[str, Any]]:
    rows = []
    for files, labels, count in asked.models():
        sides = [
            Side([sys.executable, "-c", FRAME, file, labels or "", str(count)], checkout)
            for checkout, file in zip(asked.checkouts, files, strict=True)
        ]
        ratio = compare(sides[0], sides[1], PAIRS, ROUNDS, files[1].name)
        rows.append({"what": f"a frame's way, {files[1].name}", **vars(ratio), "frames_a_turn": count})
    return rows


def whole(asked: Asked, what: str, kind: str, before: Command, after: Command) -> dict[str, Any]:
    """Processes of both checkouts, in turns. before, after: the command's words around the committed model."""
    sides = [
        Side([sys.executable, "-c", PROCESS, kind, sys.executable, *before, file, *after], checkout)
        for checkout, file in zip(asked.checkouts, asked.committed, strict=True)
    ]
    return {"what": what, **vars(compare(sides[0], sides[1], PAIRS, FEW_ROUNDS, what))}


def classify(asked: Asked) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="framelite-unchanged-") as name:
        draw(Path(name), 1)
        image = Path(name) / "00000.jpg"
        return [
            whole(asked, f"device classify, {what}", kind, [*how, "classify"], [image])
            for what, kind, how in (
                ("start to answer", "wall", ["-m", "device"]),
                ("peak memory", "memory", ["-c", WRAPPED]),
            )
        ]


def live(asked: Asked) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="framelite-unchanged-") as name:
        video = Path(name) / "drawn.avi"
        writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 30, (320, 240))
        random = np.random.default_rng(1)
        for _ in range(60):
            small = random.integers(0, 256, (6, 8, 3), np.uint8)
            writer.write(cv2.resize(small, (320, 240), interpolation=cv2.INTER_CUBIC))
        writer.release()
        words: list[str | Path] = ["--source", video, "--loop", "--headless", "--threads", "1", "--frames", str(FRAMES)]
        words += ["--jsonl", Path(name) / "out.jsonl"]
        return [whole(asked, f"device live, {FRAMES:,} frames", "wall", ["-m", "device", "live"], words)]


def answers(asked: Asked) -> list[dict[str, Any]]:
    if asked.images is None:
        raise SystemExit("--part answers came without --images; give a folder with images")
    images = sorted(path for path in asked.images.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg", ".png"})
    rows = []
    for files, labels, _ in asked.models():
        found = [
            subprocess.run(
                [sys.executable, "-c", SCORES, file, labels or ""],
                input="".join(f"{path}\n" for path in images),
                cwd=checkout,
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            ).stdout.splitlines()
            for checkout, file in zip(asked.checkouts, files, strict=True)
        ]
        pairs = [(json.loads(ours), json.loads(theirs)) for ours, theirs in zip(*found, strict=True)]
        rows.append(
            {
                "what": f"answers, {files[1].name}",
                "n": len(pairs),
                "same_label": sum(ours[0] == theirs[0] for ours, theirs in pairs),
                "same_scores": sum(ours[1] == theirs[1] for ours, theirs in pairs),
            }
        )
    return rows


def trained(checkout: Path, recipe: str, run: Path) -> Path:
    """recipe: its name, or NAME:DATA with a folder of images."""
    name, _, data = recipe.partition(":")
    environment = {**os.environ, "FRAMELITE_CACHE": str(run.with_suffix(".cache"))}
    with_data = ["--data", data] if data else []
    for words in (["train", name, *with_data, "--run", str(run)], ["export", str(run)]):
        subprocess.run([sys.executable, "-m", *words], cwd=checkout, env=environment, check=True)
    return run


def network(path: Path) -> list[Any]:
    """Operators and tensors with their data, and not what is written about them beside."""
    tree = flatbuffer_utils.read_model(str(path))
    graph = tree.subgraphs[0]
    tensors = [
        (list(each.shape), each.type, _list(each.quantization, "scale"), _list(each.quantization, "zeroPoint"),
         _list(tree.buffers[each.buffer], "data"))
        for each in graph.tensors
    ]  # fmt: skip
    codes = [
        (tree.operatorCodes[op.opcodeIndex].builtinCode, list(op.inputs), list(op.outputs)) for op in graph.operators
    ]
    return [tensors, codes]


def _list(owner: Any, name: str) -> list[float]:
    values = getattr(owner, name, None)
    return [] if values is None else np.asarray(values).tolist()


def training(asked: Asked) -> Iterator[dict[str, Any]]:
    """Are the trained weights and the exported networks the same bits?"""
    import keras

    for recipe in asked.recipes:
        with tempfile.TemporaryDirectory(prefix="framelite-unchanged-") as name:
            runs = [
                trained(checkout, recipe, Path(name) / what)
                for checkout, what in zip(asked.checkouts, ("ours", "before"), strict=True)
            ]
            ours, before = (keras.models.load_model(run / "model.keras", compile=False).get_weights() for run in runs)
            found = [evaluation.read(evaluation.Evaluation, run) for run in runs]
            exported = [{path.name: network(path) for path in run.glob("export/*.tflite")} for run in runs]
        same = [a.shape == b.shape and a.tobytes() == b.tobytes() for a, b in zip(ours, before, strict=True)]
        yield {
            "what": f"{recipe.partition(':')[0]}, trained in full",
            "arrays": len(same),
            "equal_to_the_last_bit": sum(same),
            "top1": [each.top1 for each in found],
            "n": found[0].n,
            "networks": sorted(exported[0]),
            "same_networks": sorted(name for name in exported[0] if exported[0][name] == exported[1].get(name)),
        }


PARTS: dict[str, Callable[[Asked], Iterable[dict[str, Any]]]] = {
    "frames": frames,
    "classify": classify,
    "live": live,
    "answers": answers,
    "training": training,
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--against", type=Path, required=True, metavar="CHECKOUT", help="of the commit before")
    options.add_argument("--part", default=",".join(PARTS), help=f"some of {','.join(PARTS)} (default: all)")
    options.add_argument("--recarded", type=Path, help="their committed model with a card that we read")
    options.add_argument("--model", type=Path, nargs="+", default=[], help="more .tflite, larger: three frames a step")
    options.add_argument("--labels", type=Path, help="their labels")
    options.add_argument("--images", type=Path, metavar="DIR", help="for the part answers")
    options.add_argument(
        "--recipe", nargs="+", default=["fashion_mnist"], metavar="NAME[:DATA]", help="default fashion_mnist"
    )
    options.add_argument("--into", default="unchanged", metavar="NAME", help="results/NAME.json (default unchanged)")
    given = options.parse_args()
    if unknown := set(given.part.split(",")) - set(PARTS):
        options.error(f"--part came with {', '.join(sorted(unknown))}, expected some of {', '.join(PARTS)}")
    paths = [path.resolve() if path else None for path in (given.recarded, given.labels, given.images)]
    recarded, labels, images = paths
    more = [path.resolve() for path in given.model]
    asked = Asked(given.against.resolve(), recarded, more, labels, images, given.recipe)
    commit = subprocess.check_output(["git", "rev-parse", "--short", "HEAD"], cwd=asked.against, text=True).strip()
    rows: list[dict[str, Any]] = []
    if (RESULTS / f"{given.into}.json").exists() and (kept := read(given.into))["against"] == commit:
        rows = kept["results"]
    for part in given.part.split(","):
        for row in PARTS[part](asked):
            rows = [*(kept for kept in rows if kept["what"] != row["what"]), row]
            write(given.into, rows, "python -m experiments.unchanged --against CHECKOUT", against=commit)


if __name__ == "__main__":
    main()
