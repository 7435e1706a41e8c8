"""What is exported: a run that train made, or anyone's float .tflite; either way the same record."""

import hashlib
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from device import command
from device.data import folders, run_record
from device.data.folders import Cache, Labeled
from device.data.run_record import RunRecord
from device.errors import UserError
from device.evaluation.scaling_choice import ScalingChoice
from device.inference import model_spec, runtime
from device.labels import labels as label_lists
from device.model import card as cards
from device.model import channels, model_kinds
from device.model.card import InputSpec, OutputSpec
from device.records import RecordError
from export.conversion import fixed_size, pixels
from export.source import image_folders, scaling, unknown_images
from export.source.calibration import CalibrationImages, balanced_rows
from export.source.held_out import HeldOut
from export.source.request import ExportRequest
from export.source.unknown_images import UnknownImages
from export.source.unseen import Heads

# How many times as many images there are to calibrate with, where that helps.
MORE = 4


@dataclass(frozen=True)
class ExportSource:
    """A float model with all that its variants' cards will say."""

    name: str
    recipe: str | None
    labels: tuple[str, ...]
    input: InputSpec
    output: OutputSpec
    folder: Path  # the run folder; files go to folder/export
    model: Path  # model.keras or the float .tflite
    model_sha256: str
    calibration: CalibrationImages
    test: Labeled | None
    unseen: Heads | None  # of a run that was judged by cross-validation
    provenance: dict[str, Any]
    validation: Labeled  # neither calibration nor test; the label -1 where none is known
    more: Labeled  # more images to calibrate with
    held_out: HeldOut  # what a card's confidence is fitted on
    unknown: UnknownImages | None
    scaling: ScalingChoice | None = None  # where labeled images chose it

    @property
    def is_keras(self) -> bool:
        return not model_kinds.is_tflite(self.model)

    @property
    def input_range(self) -> tuple[float, float]:
        """What the float network is fed for pixel 0 and for pixel 255."""
        return pixels.ends(pixels.fed(self.input))

    def tensors(self) -> Iterator[npt.NDArray[np.float32]]:
        """The calibration images as the float network takes them."""
        return pixels.tensors(self.calibration.images, pixels.fed(self.input))


def find(request: ExportRequest) -> ExportSource:
    """UserError when the model, its labels or its images can't be had. What it is, its content says."""
    path = request.model
    if path.is_file():
        if model_kinds.is_tflite(path):
            return _from_tflite(request)
        # What is said to be a .keras and is nothing else that is known, Keras itself shall judge.
        may_be_keras = path.suffix == ".keras" and model_kinds.of_file(path) in (model_kinds.KERAS, model_kinds.UNKNOWN)
        if not (may_be_keras and (path.parent / run_record.NAME).is_file()):
            raise model_kinds.refusal(path, "a run folder, the model.keras in one, or a float .tflite")
    elif path.is_dir() and not (path / run_record.NAME).is_file() and (kind := model_kinds.of_folder(path)):
        raise UserError(f"{path}: this is {kind.what}, expected a run folder or a float .tflite; {kind.todo}")
    elif not path.exists() and path.suffix.lower() in model_kinds.TFLITE_ENDINGS:
        raise UserError(f"{path}: there is no such model file")
    return _from_run(request)


def _from_run(request: ExportRequest) -> ExportSource:
    is_model = request.model.is_file() or (not request.model.exists() and request.model.suffix == ".keras")
    folder = request.model.parent if is_model else request.model
    model = request.model if is_model else folder / "model.keras"
    record = _read_run(folder) if model.is_file() or not is_model else None
    if record and record.is_classical:
        raise UserError(f"{folder}: the classical baseline has no network to export; evaluation.json has its figures")
    if record is None or not model.is_file():
        raise UserError(f"{model}: there is no such model; train it with: python -m train RECIPE --run {folder}")
    if given := _given(request):
        raise UserError(f"{folder}: a run knows its labels, scaling and images; leave out {' '.join(given)}")
    data = record.data
    cache = folders.cache_of(data.cache, data.fingerprint, data.size, data.fit)
    if cache is None:
        raise UserError(
            f"{folder}: its images are not in the cache ({folders.cache_root() / data.cache}); make them again"
            f" with: {_data_command(record)} (or train anew, if they have changed; the folder may lie elsewhere)"
        )
    targets = cache.targets("train")
    training = np.setdiff1d(np.arange(len(targets)), np.asarray(record.split.validation_rows, np.int64))
    rows = balanced_rows(targets, training, request.calibration_samples, request.seed)
    choice = CalibrationImages(cache.images("train")[np.sort(rows)], tuple(rows), request.seed, "train")
    heads = _heads_of(model, cache)
    unseen = None if cache.has_test else heads
    drawn = balanced_rows(targets, training, MORE * request.calibration_samples, request.seed)
    held_out = np.asarray(record.split.validation_rows, np.int64)
    return ExportSource(
        name=record.name or record.recipe_name,
        recipe=record.recipe_name,
        labels=cache.labels,
        input=InputSpec(*data.size, fit=data.fit),
        output=OutputSpec(),
        folder=request.run or folder,
        model=model,
        model_sha256=_sha256(model),
        calibration=choice,
        test=_test_of(cache, record.split.test_rows, unseen),
        unseen=unseen,
        provenance={
            "run": folder.resolve().name,
            "data": data.name,
            "data_fingerprint": data.fingerprint,
            "seed": record.seed,
            "git_commit": record.git_commit,
            "versions": record.versions,
            "may_have_seen_test": ", ".join(record.unknown_ancestors) or None,  # train/run/ancestry.py
        },
        validation=_rows_of(cache, held_out if len(held_out) else np.setdiff1d(training, rows), len(held_out) > 0),
        more=_rows_of(cache, np.asarray(drawn[len(rows) :], np.int64), False),
        held_out=_held_out(cache, held_out, heads).drawn(InputSpec(*data.size), request.seed),
        unknown=_unknown(request, folders.training_hashes(data.fingerprint) if request.unknown else frozenset()),
    )


def _heads_of(model: Path, cache: Cache) -> Heads | None:
    """Those of the run's cross-validation. A run with a test can do without them, and another model there has to."""
    path = model.parent / "heads.npz"
    is_there = path.is_file() and model.name == "model.keras"
    return Heads.read(path) if is_there or not cache.has_test else None


def _held_out(cache: Cache, validation: npt.NDArray[np.int64], heads: Heads | None) -> HeldOut:
    """validation: rows of the training part. A fitted head has learned from all of it, unlike those of its folds."""
    if heads is None:
        return HeldOut(_rows_of(cache, validation, True))
    return HeldOut(replace(_rows_of(cache, heads.rows, True), split="cross-validation"), heads)


def _unknown(request: ExportRequest, known: frozenset[str]) -> UnknownImages | None:
    return unknown_images.find(request.unknown, request.seed, known) if request.unknown else None


def _rows_of(cache: Cache, rows: npt.NDArray[np.int64], is_held_out: bool) -> Labeled:
    """Of the training part; a run without epochs has held nothing out."""
    split = "validation" if is_held_out else "train"
    return Labeled(cache.labels, cache.images("train"), cache.targets("train")[rows], split, 0, rows=rows)


def _test_of(cache: Cache, rows: tuple[int, ...] | None, unseen: Heads | None) -> Labeled:
    """rows: those that a run was judged by, where it isn't all of the test (train/run/ancestry.py).

    unseen: of a run that has no test, by which its training images can judge it.
    """
    if unseen:
        every = len(unseen.rows) == len(cache.targets("train"))
        images = cache.images("train")
        targets = cache.targets("train")[unseen.rows]
        return Labeled(cache.labels, images if every else images[unseen.rows], targets, "cross-validation", 0)
    images, targets = cache.images("test"), cache.targets("test")
    if rows is None:
        return Labeled(cache.labels, images, targets, "test", 0)
    kept = np.asarray(rows, np.int64)
    return Labeled(cache.labels, images[kept], targets[kept], "test", len(targets) - len(kept))


def _given(request: ExportRequest) -> list[str]:
    """The options that a run has no use for."""
    images_given = [f"--{name}" for name in ("calibration", "test") if getattr(request, name) is not None]
    return request.overrides.given() + images_given


def _data_command(record: RunRecord) -> str:
    """The command that makes a run's image cache: for a folder, with all that decides its split."""
    data = record.data
    size = "x".join(map(str, data.size))
    skip = " --skip-bad" if data.skipped else ""
    allow = " --allow-copies" if data.copies and (data.copies.under_two_labels or data.copies.across) else ""
    if not Path(data.origin).is_absolute():
        return f"python -m train data {data.name} --size {size} --fit {data.fit}"
    return (
        f"python -m train data {shlex.quote(data.origin)} --size {size} --fit {data.fit}"
        f" --test {record.test_share} --seed {record.seed}{skip}{allow}"
    )


def _read_run(folder: Path) -> RunRecord:
    if not folder.exists():
        raise UserError(f"{folder}: there is no such run or model; expected a run folder, a .keras or a .tflite file")
    try:
        record = run_record.read(folder)
    except RecordError as error:
        raise UserError(f"{folder / run_record.NAME}: {error}; train it again") from None
    except (OSError, ValueError):
        raise UserError(
            f"{folder}: this is no run folder (no readable run.json); make one with: python -m train RECIPE"
        ) from None
    if not record.is_done:
        raise UserError(f"{folder}: the run is not finished (status {record.status!r}); train it again")
    return record


def _from_tflite(request: ExportRequest) -> ExportSource:
    path = request.model
    if request.calibration is None:
        raise UserError(f"{path}: a .tflite needs --calibration DIR: images like those it will see, none of the test's")
    interpreter = runtime.find("litert").open(path, 1, request.overrides.size)
    source, answer = model_spec.tensors(interpreter, path)
    _require_float(path, source, interpreter)
    request, chosen = _with_scaling(request, source, answer)
    card, notes = model_spec.resolve(path, source, answer, request.overrides)
    for note in notes:
        command.say(f"note: {note}")
    if card.labels is None:
        raise UserError(label_lists.missing(path))
    choice, used, left = image_folders.calibration(request, card.input)
    test = image_folders.test(request, card.labels, used)
    validation = image_folders.with_labels(image_folders.without(left, test), card.labels)
    name = model_kinds.name(path).removesuffix("_float32")
    return ExportSource(
        name=name,
        recipe=None,
        labels=card.labels,
        input=card.input,
        output=card.output,
        folder=request.run or Path("runs") / name,
        model=path,
        model_sha256=_sha256(path),
        calibration=choice,
        test=test,
        unseen=None,
        provenance={"run": None, "source_sha256": _sha256(path)},
        validation=validation,
        more=Labeled(card.labels, (), np.zeros(0, np.int64), choice.split, 0),
        held_out=HeldOut(validation.at(np.flatnonzero(validation.targets >= 0))).drawn(card.input, request.seed),
        unknown=_unknown(request, frozenset(used)),
        scaling=chosen,
    )


def _with_scaling(
    request: ExportRequest, source: model_spec.Tensor, answer: model_spec.Tensor
) -> tuple[ExportRequest, ScalingChoice | None]:
    """Where labeled images are to choose the scaling, the request with the one that they speak for."""
    overrides, path = request.overrides, request.model
    if overrides.scaling != channels.AUTO:
        return request, None
    # Labels don't depend on the scaling.
    card, _ = model_spec.resolve(path, source, answer, replace(overrides, scaling="0..255"))
    if card.labels is None:
        raise UserError(label_lists.missing(path))
    images = image_folders.labeled_calibration(request, card.labels)
    float32 = fixed_size.fix(cards.network_bytes(path), (card.input.height, card.input.width))
    chosen = scaling.choose(float32, images, overrides.fit, overrides.output)
    command.say(f"note: {scaling.line(chosen)}")
    return replace(request, overrides=replace(overrides, scaling=chosen.scaling)), chosen


def _require_float(path: Path, source: model_spec.Tensor, interpreter: Any) -> None:
    small = (np.int8, np.uint8, np.float16)
    quantized = [t["name"] for t in interpreter.get_tensor_details() if t["dtype"] in small]
    if source.dtype != np.float32 or quantized:
        raise UserError(f"{path}: the network is quantized already; give the float32 file that it was made from")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
