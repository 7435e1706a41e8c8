"""What `export --rescue` makes of networks that plain int8 hurts: the search on validation images, the result on test.

    python -m experiments.rescue [--rescaled RUN] [--squeeze-excite FILE.tflite] [--transfer RUN …] [--repeats 3]

RUN: trained run folders whose images are in the cache. --rescaled takes a trained network and scales its channels by
random factors of up to 100 either way, which changes nothing in float32; --squeeze-excite a file that
experiments/squeeze_excite.py made. Adds to results/rescue.json.

--transfer takes a frozen backbone, whose run is exported. Its head is fitted anew on one half of all images of the data
and tested on the other, and the other way around; with another draw of the halves in each repeat. As in the product a
search is judged by cross-validation among the images that the head was fitted on. Every image is tested, and the
interval is over images.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from sklearn.model_selection import StratifiedGroupKFold

from device.data import copies, folders
from device.data.folders import Cache, Labeled
from device.evaluation.evaluate import Z95
from device.model import card
from device.model.card import Card, Confidence, InputSpec, OutputSpec
from experiments.cached import cached
from experiments.record import RESULTS, read, write
from export.conversion import objects
from export.rescue import equalize, rescued
from export.rescue.build import Builder
from export.rescue.judge import Judge
from export.rescue.search import Found, search
from export.source import unseen
from export.source.calibration import DEFAULT_SAMPLES, balanced_rows
from export.source.find import find
from export.source.held_out import HeldOut
from export.source.request import ExportRequest
from export.source.run import MORE
from export.source.sources import ExportSource
from train.networks import head

SEED = 1
# Of the halves. The search's rules were made when those of other seeds had been seen (docs/results.md).
HALVES = 101
FACTOR = 100.0
VALIDATION = 2500

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Subject:
    """A float network with all that a rescue needs.

    images: to calibrate with, the plain ones first. test: its rows are the images' own. kept: tensors whose channels
    stay as they are.
    """

    float32: bytes
    images: npt.NDArray[np.uint8]
    validation: HeldOut
    test: Labeled
    spec: InputSpec
    kept: tuple[str, ...] = ()


@dataclass(frozen=True)
class Studied:
    """A search that is over, and which test images each file is right about: read once."""

    subject: Subject
    found: Found
    float32: npt.NDArray[np.bool_]
    plain: npt.NDArray[np.bool_]
    rescued: npt.NDArray[np.bool_]
    latency_ratio: float | None
    seconds: float


def rescaled(run: Path) -> Iterator[Subject]:
    source = find(ExportRequest(run))
    network, random = equalize.ScalableNetwork(_float32(source)), np.random.default_rng(SEED)
    for group in network.groups():
        assert not group.is_cut, "what ReLU6 cuts off can't be scaled at random"
        network.scale(group, np.exp(random.uniform(-np.log(FACTOR), np.log(FACTOR), network.width(group))))
    images = [source.more.image(place) for place in range(len(source.more))]
    assert source.test is not None
    calibration = np.concatenate([source.calibration.images, np.stack(images)])
    yield Subject(objects.packed(network.tree), calibration, source.validation, source.test, source.input)


def squeeze_excite(path: Path) -> Iterator[Subject]:
    """What it wasn't trained on is its data's last twelfth; some of that is validation."""
    cache = cached("cifar10", 32)
    edge = len(cache.targets("train")) * 11 // 12
    drawn = np.random.default_rng(SEED).permutation(edge)[: MORE * DEFAULT_SAMPLES]
    validation = HeldOut(_labeled(cache, "train", np.arange(edge, edge + VALIDATION)))
    test = _labeled(cache, "test", np.arange(len(cache.targets("test"))))
    spec = InputSpec(*cache.size, fit=cache.fit)
    yield Subject(path.read_bytes(), np.asarray(cache.images("train")[drawn]), validation, test, spec)


def _labeled(cache: Cache, split: str, rows: Rows) -> Labeled:
    return Labeled(cache.labels, cache.images(split), cache.targets(split)[rows], split, 0, rows=rows)


def transfer(run: Path, repeats: int) -> Iterator[Subject]:
    source = find(ExportRequest(run))
    cache = folders.find_cache(source.provenance["data"], (source.input.height, source.input.width), source.input.fit)
    assert cache is not None
    parts = ("train", "test")
    images = np.concatenate([cache.images(part) for part in parts])
    targets = np.concatenate([cache.targets(part) for part in parts])
    groups = copies.groups_of([one for part in parts for one in cache.hashes(part)])
    every = Labeled(cache.labels, images, targets, "all", 0, rows=np.arange(len(targets)))
    features = unseen.features(_file(source), every)
    for repeat in range(repeats):
        halves = StratifiedGroupKFold(2, shuffle=True, random_state=HALVES + repeat)
        for fitted_on, tested_on in halves.split(features, targets, groups):
            yield _with_head(_float32(source), every, features, groups, fitted_on, tested_on, source.input)


def _with_head(
    float32: bytes,
    every: Labeled,
    features: npt.NDArray[np.float32],
    groups: Rows,
    fitted_on: Rows,
    tested_on: Rows,
    spec: InputSpec,
) -> Subject:
    """The backbone with a head for some of the images, as `train` fits it and `export --rescue` judges it."""
    labels, targets = len(every.labels), every.targets
    fitted = head.fit(features[fitted_on], targets[fitted_on], labels)
    folds = head.cross_validated(features, targets, groups, fitted_on, labels, SEED)
    assert folds is not None
    drawn = np.asarray(balanced_rows(targets, fitted_on, MORE * DEFAULT_SAMPLES, SEED))
    places = np.flatnonzero(~np.isin(folds.rows, drawn[:DEFAULT_SAMPLES]))
    validation = HeldOut(every.at(folds.rows), folds.stored).at(places)
    network = _headed(float32, fitted)
    return Subject(
        network,
        np.asarray(every.sources)[drawn],
        validation,
        every.at(tested_on),
        spec,
        (unseen.features_name(network),),
    )


def _headed(float32: bytes, fitted: head.Head) -> bytes:
    tree = objects.read(float32)
    graph = tree.subgraphs[0]
    dense = [one for one in graph.operators if objects.kind(tree, one) == schema.BuiltinOperator.FULLY_CONNECTED][-1]
    for index, numbers in zip(dense.inputs[1:], (fitted.kernel.T, fitted.bias), strict=True):
        objects.put(tree, graph.tensors[index], numbers.astype(np.float32))
    return objects.packed(tree)


def _file(source: ExportSource) -> Path:
    return source.folder / "export" / f"{source.name}_float32.tflite"


def _float32(source: ExportSource) -> bytes:
    return card.network_bytes(_file(source))


def study(subject: Subject, max_drop: float) -> Studied:
    """The test images are read once, when the search is over."""
    labels = subject.test.labels
    blank = Card("rescued", None, "int8", labels, subject.spec, OutputSpec(), Confidence(), None, (), None, {})
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        start = time.monotonic()
        builder = Builder(
            subject.float32, subject.images, DEFAULT_SAMPLES, subject.spec, OutputSpec(), {}, subject.kept
        )
        judge = Judge(subject.float32, subject.validation, blank, scratch)
        found = search(builder, judge, max_drop, lambda one: print(f"  {rescued.line(one)}", flush=True))
        seconds = time.monotonic() - start
        plain, chosen = found.tried[0].made, found.chosen.made
        latency = judge.latency(chosen, plain)
        last = Judge(subject.float32, HeldOut(subject.test), blank, scratch)
        right = (last.float32_right, last.right(plain), last.right(chosen))
        return Studied(subject, found, *right, latency.ratio if latency else None, seconds)


def row(network: str, max_drop: float, studies: Sequence[Studied]) -> dict[str, Any]:
    float32, interval = _mean(studies, lambda one: one.float32)
    ratios = [one.latency_ratio for one in studies if one.latency_ratio is not None]
    return {
        "network": network,
        "max_drop": max_drop,
        "n": len(np.unique(np.concatenate([_rows(one) for one in studies]))),
        "float32_top1": float32,
        "float32_interval": interval,
        "plain": _lost(studies, lambda one: one.plain, lambda found: found.tried[0].made),
        "rescued": _lost(studies, lambda one: one.rescued, lambda found: found.chosen.made),
        "largest_latency_ratio": max(ratios, default=None),
        "studies": [_study(one) for one in studies],
    }


def _study(one: Studied) -> dict[str, Any]:
    return {
        "validation_n": len(one.subject.validation.images),
        "validation_split": one.subject.validation.images.split,
        "n": len(one.subject.test),
        "means": one.found.chosen.means.name,
        "latency_ratio": one.latency_ratio,
        "seconds": one.seconds,
        "steps": [vars(step) for step in one.found.steps],
    }


def _lost(
    studies: Sequence[Studied], right: Callable[[Studied], Any], made: Callable[[Found], bytes]
) -> dict[str, Any]:
    """lost, won: right in float32, or in the file alone, over all studies."""
    drop, interval = _mean(studies, lambda one: one.float32.astype(float) - right(one))
    return {
        "drop": drop,
        "interval": interval,
        "lost": int(sum((one.float32 & ~right(one)).sum() for one in studies)),
        "won": int(sum((right(one) & ~one.float32).sum() for one in studies)),
        "network_bytes": len(made(studies[0].found)),
    }


def _mean(studies: Sequence[Studied], value: Callable[[Studied], Any]) -> tuple[float, tuple[float, float]]:
    """Over all tests of all images, with a 95 % interval over images, each of which may be tested several times."""
    size = 1 + max(int(_rows(one).max()) for one in studies)
    sums, tests = np.zeros(size), np.zeros(size)
    for one in studies:
        np.add.at(sums, _rows(one), np.asarray(value(one), float))
        np.add.at(tests, _rows(one), 1.0)
    mean = float(sums.sum() / tests.sum())
    half = float(Z95 * np.sqrt(np.square(sums - tests * mean).sum()) / tests.sum())
    return mean, (mean - half, mean + half)


def _rows(one: Studied) -> Rows:
    test = one.subject.test
    return np.arange(len(test)) if test.rows is None else test.rows


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rescaled", type=Path, metavar="RUN")
    options.add_argument("--squeeze-excite", type=Path, metavar="FILE.tflite")
    options.add_argument("--transfer", type=Path, nargs="+", default=(), metavar="RUN")
    options.add_argument("--repeats", type=int, default=3)
    given = options.parse_args()
    asked: list[tuple[str, float, Iterator[Subject]]] = []
    if given.rescaled:
        asked.append((f"{given.rescaled.resolve().name}, channels rescaled", 0.005, rescaled(given.rescaled)))
    if given.squeeze_excite:
        asked.append(("squeeze-excite, hard-swish", 0.005, squeeze_excite(given.squeeze_excite)))
    for run in given.transfer:
        asked.append((f"frozen {run.resolve().name}", 0.007, transfer(run, given.repeats)))
    for network, max_drop, subjects in asked:
        studies: list[Studied] = []
        for subject in subjects:
            print(network, len(studies) + 1, flush=True)
            studies.append(study(subject, max_drop))
            keep(row(network, max_drop, studies))


def keep(new: dict[str, Any]) -> None:
    """In the place of an earlier row of that network."""
    before = read("rescue")["results"] if (RESULTS / "rescue.json").exists() else []
    rows = {one["network"]: one for one in [*before, new]}
    ordered = [rows[network] for network in sorted(rows)]
    write("rescue", ordered, "python -m experiments.rescue …", seed=SEED, halves_seed=HALVES)


if __name__ == "__main__":
    main()
