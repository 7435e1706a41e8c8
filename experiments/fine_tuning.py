"""What fine-tuning an int8 file brings: taught by the float network's scores, by litert-tunner and by a way of our own.

    pip install --no-deps --target TUNER litert-tunner==0.3.0 tflite==2.18.0
    PYTHONPATH=TUNER python -m experiments.fine_tuning [--rescaled RUN] [--squeeze-excite FILE.tflite] [--transfer RUN]

The networks of experiments/rescue.py. litert-tunner (experiments/tunner.py) trains a replica of the int8 file; ours
(experiments/student.py) the float network, rounded as the quantizer will round it. Both learn on training images, the
best is chosen on validation images, the test images are read once. Adds to results/fine_tuning.json.
"""

import argparse
import resource
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from device.evaluation import evaluate
from device.evaluation.paired import Paired
from device.model.card import Card, Confidence, OutputSpec
from experiments import student, tunner
from experiments.record import RESULTS, read, write
from experiments.rescue import PLAIN_IMAGES, SEED, Subject, rescaled, squeeze_excite, transfer
from experiments.tunner import Lesson
from export.conversion import pixels, quantize
from export.rescue.build import PLAIN, Builder, Means
from export.rescue.judge import Judge

RESULT = "fine_tuning"
# Images that are learned from, at most; how many at a time, and how often. At 224x224 all takes longer.
IMAGES, BATCH, STEPS = 8000, 32, 250
LARGE, LARGE_BATCH, LARGE_STEPS = 200, 16, 25
# What costs no latency and was best on validation images (experiments/rescue.py).
BASES = (PLAIN, Means(equalized=True), Means(activations="mse", biases=True), Means(biases=True))


def scores_of(model: bytes, images: npt.NDArray[np.uint8], subject: Subject) -> npt.NDArray[np.float32]:
    """A bare file's scores, in real numbers."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=model, num_threads=2)
    interpreter.allocate_tensors()
    entry, end = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    scores = []
    for tensor in pixels.tensors(images, subject.spec):
        interpreter.set_tensor(entry["index"], tensor.astype(entry["dtype"]))
        interpreter.invoke()
        scores.append(interpreter.get_tensor(end["index"])[0].astype(np.float32))
    return np.stack(scores)


def training_images(subject: Subject) -> npt.NDArray[np.uint8]:
    """Neither validation nor test."""
    sources, rows = subject.validation.sources, subject.validation.rows
    assert isinstance(sources, np.ndarray) and rows is not None
    left = np.setdiff1d(np.arange(len(sources)), rows)
    drawn = np.random.default_rng(SEED).permutation(left)[:IMAGES]
    return np.asarray(sources[np.sort(drawn)])


@dataclass(frozen=True)
class Tried:
    """A file, made by the base's means, and what it loses; lesson: None before it learned."""

    base: Means
    lesson: str | None
    made: bytes
    paired: Paired
    figures: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.base.name}; {self.lesson}" if self.lesson else self.base.name

    @property
    def worst_drop(self) -> float:
        return self.paired.interval[1]

    @property
    def row(self) -> dict[str, Any]:
        seen = self.paired
        return {
            "file": self.name,
            "drop": seen.drop,
            "drop_interval": seen.interval,
            "lost": seen.lost,
            "won": seen.won,
            **self.figures,
        }


class Trial:
    """Files of one network that learn, each judged on validation images."""

    def __init__(self, subject: Subject, scratch: Path) -> None:
        self._subject, self._scratch = subject, scratch
        blank = Confidence()
        self._card = Card(
            subject.name, None, "int8", subject.test.labels, subject.spec, OutputSpec(), blank, None, (), None, {}
        )
        self._builder = Builder(subject.float32, subject.images, PLAIN_IMAGES, subject.spec, OutputSpec(), {})
        self._judge = Judge(subject.float32, subject.validation, self._card, scratch)
        self.images = training_images(subject)
        self._taught = scores_of(subject.float32, self.images, subject)
        self._pace = (BATCH, STEPS) if len(self.images) > LARGE else (LARGE_BATCH, LARGE_STEPS)

    def built(self, base: Means) -> Tried:
        return self._tried(base, None, self._builder.build(base), {})

    def by_tunner(self, before: Tried, lesson: Lesson) -> Tried:
        start, some = time.monotonic(), self.images[:500]
        replica = tunner.Replica(before.made, self._scratch)
        replica.learn(lesson, self.images, self._taught, *self._pace)
        made = replica.bytes()
        seconds = time.monotonic() - start
        agreement = replica.agreement(some, scores_of(made, some, self._subject))
        figures = {"seconds": seconds, "agreement": agreement}
        return self._tried(before.base, f"litert-tunner, {lesson.name}", made, figures)

    def by_student(self, before: Tried) -> Tried:
        """Of the base its ranges: biases learn, so they aren't corrected beforehand."""
        start, base = time.monotonic(), before.base
        found = self._builder._ranges(base)
        ranges = {name: (float(one["min"].min()), float(one["max"].max())) for name, one in found.items()}
        pupil = student.Student(self._builder.float32(base.equalized), ranges)
        inputs = np.concatenate(list(pixels.tensors(self.images, self._subject.spec)))
        student.learn(pupil, inputs, self._taught, *self._pace)
        with quantize.quiet():
            made = quantize.int8(pupil.packed(), found, pixels.ends(self._subject.spec))
        figures = {"seconds": time.monotonic() - start}
        return self._tried(base, "student", made, figures)

    def _tried(self, base: Means, lesson: str | None, made: bytes, figures: dict[str, Any]) -> Tried:
        tried = Tried(base, lesson, made, self._judge.paired(made), figures)
        print("  ", tried.row, flush=True)
        return tried

    def on_test(self) -> Judge:
        return Judge(self._subject.float32, self._subject.test, self._card, self._scratch)


def study(subject: Subject, keep: Path | None) -> dict[str, Any]:
    """The test images are read once, when the lesson is chosen."""
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(subject, Path(folder))
        bases = [trial.built(base) for base in BASES]
        plain, best = bases[0], min(bases, key=lambda one: one.worst_drop)
        theirs = [trial.by_tunner(plain, lesson) for lesson in tunner.LESSONS]
        ours = [trial.by_student(plain)]
        if best is not plain:
            lesson, _ = min(zip(tunner.LESSONS, theirs, strict=True), key=lambda pair: pair[1].worst_drop)
            theirs.append(trial.by_tunner(best, lesson))
            ours.append(trial.by_student(best))
        chosen = [min(some, key=lambda one: one.worst_drop) for some in (theirs, ours)]
        test = trial.on_test()
        right = test.float32_right
        shown = {one.name: replace(one, paired=test.paired(one.made)) for one in (plain, best, *chosen)}
        latencies = {one.name: test.latency(one.made, plain.made) for one in chosen}
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
        for name, one in zip(("tunner", "student"), chosen, strict=True):
            (keep / f"{name}.tflite").write_bytes(one.made)
    return {
        "network": subject.name,
        "images": len(trial.images),
        "validation_n": len(subject.validation),
        "n": len(subject.test),
        "float32_top1": float(right.mean()),
        "float32_interval": evaluate.wilson(int(right.sum()), len(right)),
        "on_test": [one.row for one in shown.values()],
        "latency_ratios": {name: one and one.ratio for name, one in latencies.items()},
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "tried": [one.row for one in (*bases, *theirs, *ours)],
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rescaled", type=Path, metavar="RUN")
    options.add_argument("--squeeze-excite", type=Path, metavar="FILE.tflite")
    options.add_argument("--transfer", type=Path, metavar="RUN")
    options.add_argument("--name", help="what the network is called, for another one of a kind")
    options.add_argument("--keep", type=Path, metavar="DIR", help="for the bare files that learned best")
    given = options.parse_args()
    tunner.know_hard_swish()
    for path, make in ((given.rescaled, rescaled), (given.squeeze_excite, squeeze_excite), (given.transfer, transfer)):
        if path:
            subject = make(path)
            subject = replace(subject, name=given.name or subject.name)
            print(subject.name, flush=True)
            _add(study(subject, given.keep))


def _add(row: dict[str, Any]) -> None:
    before = read(RESULT)["results"] if (RESULTS / f"{RESULT}.json").exists() else []
    rows = {one["network"]: one for one in (*before, row)}
    write(RESULT, list(rows.values()), f"PYTHONPATH=TUNER python -m experiments.{RESULT} …", seed=SEED)


if __name__ == "__main__":
    main()
