"""A run of `train` as the source of an export: its model, its cached images, and its own split."""

import hashlib
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from device.data import folders, run_record
from device.data import heads as run_heads
from device.data.folders import Cache, Labeled
from device.data.heads import Heads
from device.data.run_record import RunRecord
from device.errors import UserError
from device.evaluation import exports
from device.model import model_data
from device.model.card import CROSS_VALIDATION, InputSpec, OutputSpec
from device.records import RecordError
from export.source import unknown_images
from export.source.calibration import CalibrationImages, balanced_rows
from export.source.held_out import HeldOut, most
from export.source.request import ExportRequest
from export.source.sources import ExportSource

# How many times as many images a rescue may calibrate with.
MORE = 4


def source(request: ExportRequest) -> ExportSource:
    """The source for a request. UserError if the run, its model or its images are missing or invalid."""
    is_model = request.model.is_file() or (not request.model.exists() and request.model.suffix == ".keras")
    folder = request.model.parent if is_model else request.model
    model = request.model if is_model else folder / run_record.MODEL
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
    held_out = _held_out(cache, np.asarray(record.split.validation_rows, np.int64), heads)
    return ExportSource(
        name=record.name or record.recipe_name,
        recipe=record.recipe_name,
        labels=cache.labels,
        input=InputSpec(*data.size, fit=data.fit),
        output=OutputSpec(),
        folder=request.run or folder,
        model=model,
        model_sha256=hashlib.sha256(model.read_bytes()).hexdigest(),
        calibration=choice,
        test=_test_of(cache, record.split.test_rows, unseen),
        unseen=unseen,
        provenance={
            "run": folder.resolve().name,
            **model_data.provenance(data.name, data.fingerprint, record.earlier_data or ()),
            "seed": record.seed,
            "git_commit": record.git_commit,
            "versions": record.versions,
            "may_have_seen_test": ", ".join(record.unknown_ancestors) or None,  # train/run/ancestry.py
        },
        validation=_validation(cache, held_out, training, np.asarray(rows, np.int64)),
        more=_rows_of(cache, np.asarray(drawn[len(rows) :], np.int64), False),
        held_out=held_out.drawn(most(InputSpec(*data.size)), request.seed),
        unknown=unknown_images.of(request, folders.training_hashes(data.fingerprint) if request.unknown else ()),
    )


def _heads_of(model: Path, cache: Cache) -> Heads | None:
    """The heads of the run's cross-validation; None if a run with a test has none for this model, else UserError."""
    is_there = (model.parent / run_heads.NAME).is_file() and model.name == run_record.MODEL
    return run_heads.read(model.parent) if is_there or not cache.has_test else None


def _held_out(cache: Cache, validation: npt.NDArray[np.int64], heads: Heads | None) -> HeldOut:
    """validation: rows of the training part. A fitted head learned from all of it; each fold's head did not."""
    if heads is None:
        return HeldOut(_rows_of(cache, validation, True))
    return HeldOut(replace(_rows_of(cache, heads.rows, True), split=CROSS_VALIDATION), heads)


def _validation(
    cache: Cache, held_out: HeldOut, training: npt.NDArray[np.int64], calibration: npt.NDArray[np.int64]
) -> HeldOut:
    """The held-out images without calibration images; all other training images if the run holds none out.

    training, calibration: rows of the training part.
    """
    if held_out.images.rows is None or not len(held_out.images):
        return HeldOut(_rows_of(cache, np.setdiff1d(training, calibration), False))
    return held_out.at(np.flatnonzero(~np.isin(held_out.images.rows, calibration)))


def _rows_of(cache: Cache, rows: npt.NDArray[np.int64], is_held_out: bool) -> Labeled:
    """Rows of the training part; a run without epochs holds none out."""
    split = "validation" if is_held_out else "train"
    return Labeled(cache.labels, cache.images("train"), cache.targets("train")[rows], split, 0, rows=rows)


def _test_of(cache: Cache, rows: tuple[int, ...] | None, unseen: Heads | None) -> Labeled:
    """The test images. rows: those that judged the run, or None for all (train/run/ancestry.py).

    unseen: of a run that has no test, by which its training images can judge it.
    """
    if unseen:
        every = len(unseen.rows) == len(cache.targets("train"))
        images = cache.images("train")
        targets = cache.targets("train")[unseen.rows]
        return Labeled(cache.labels, images if every else images[unseen.rows], targets, CROSS_VALIDATION, 0)
    images, targets = cache.images("test"), cache.targets("test")
    if rows is None:
        return Labeled(cache.labels, images, targets, "test", 0)
    kept = np.asarray(rows, np.int64)
    return Labeled(cache.labels, images[kept], targets[kept], "test", len(targets) - len(kept))


def _given(request: ExportRequest) -> list[str]:
    """The given options that only anyone's model takes."""
    images_given = [f"--{name}" for name in ("calibration", "test") if getattr(request, name) is not None]
    return request.overrides.given() + images_given


def _data_command(record: RunRecord) -> str:
    """The command that makes a run's image cache; for a folder, with everything that decides its split."""
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
        if not (folder / run_record.NAME).exists() and (folder / "export" / exports.NAME).is_file():
            raise UserError(
                f"{folder}: the export of a model without a run lies here, expected that model; give it again with its"
                " options: --labels, --calibration …"
            ) from None
        raise UserError(
            f"{folder}: this is no run folder (no readable run.json); make one with: python -m train RECIPE"
        ) from None
    if not record.is_done:
        raise UserError(f"{folder}: the run is not finished (status {record.status!r}); train it again")
    return record
