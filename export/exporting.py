"""The export of a model, with every check that protects what lies in its folder: what Python and the command call."""

import hashlib
from collections.abc import Collection
from os import PathLike
from pathlib import Path
from typing import Protocol

from device import command, files
from device.evaluation import exports
from device.evaluation.exports import Export, Inputs
from device.inference.model_spec import NO_OVERRIDES, Overrides
from device.model.variants import NAMES
from export.models import ExportedModels
from export.options import ExportOptions, check_epoch
from export.source.calibration import DEFAULT_SAMPLES
from export.source.request import ExportRequest

FilePath = str | PathLike[str]


class TrainedRun(Protocol):
    """Anything with the path of a run folder, such as what `train` returns."""

    @property
    def path(self) -> FilePath: ...


def export(
    model: TrainedRun | FilePath,
    *,
    variants: str | Collection[str] = NAMES,
    run: FilePath | None = None,
    overrides: Overrides = NO_OVERRIDES,
    calibration: FilePath | None = None,
    test: FilePath | None = None,
    calibration_samples: int = DEFAULT_SAMPLES,
    seed: int = 1,
    max_drop: float | None = None,
    rescue: bool = False,
    drawn_golden: bool = False,
    again: bool = False,
) -> ExportedModels:
    """Makes .tflite variants of a trained model, each checked against it, in the folder export/ of its run.

    What is up to date (same model, same settings) stays as it is; the export of another model is moved aside.

    Args:
        model: a run, its folder, the model.keras in one, or anyone's: a float .tflite, a Keras model (.keras, .h5), the
            folder of a SavedModel or of a Teachable Machine project.
        variants: which to keep, one or several of float32, float16, dynamic and int8.
        run: the folder in which export/ is made; the model's own run, or runs/NAME of anyone's model.
        overrides: of anyone's model, what it doesn't say itself: labels, scaling …
        calibration: of anyone's model, a folder of images like those it will see; of splits its training part.
        test: of anyone's model, class folders of test images.
        calibration_samples: how many images int8 is calibrated with.
        seed: which calibration and golden images are drawn.
        max_drop: the share of accuracy that int8 may lose, 0 to 1 (0.005: half a point).
        rescue: where int8 loses more than max_drop, a file that doesn't is looked for, and stands in its place.
        drawn_golden: draws the golden images instead of taking them from the data, for a file to publish.
        again: exports even what is up to date.

    Raises:
        UserError: the model, its labels or its images can't be had, its float32 is not sound, or another process works
            in the folder. A variant that isn't sound raises nothing; the result's `refused` says why it was not kept.
    """
    check_epoch()
    wanted = (variants,) if isinstance(variants, str) else tuple(dict.fromkeys(variants))
    options = ExportOptions(wanted, drawn_golden, max_drop, rescue)
    # Here: numpy.f2py, which it imports, ends on an epoch that is none.
    from export import variants as exporter
    from export.inputs import inputs
    from export.source.find import find

    place = model if isinstance(model, str | PathLike) else model.path
    request = ExportRequest(
        Path(place), overrides, _path(calibration), _path(test), _path(run), calibration_samples, seed
    )
    source = find(request)
    folder = source.folder / "export"
    if not again and (made := _up_to_date(folder, inputs(source, options))):
        command.say(f"{folder}: up to date (same model, same settings); --again exports it anew")
        return ExportedModels(folder, made, is_new=False)
    files.check_writable(folder, "--run")
    return ExportedModels(folder, exporter.export(source, options), is_new=True)


def _path(given: FilePath | None) -> Path | None:
    return None if given is None else Path(given)


def _up_to_date(folder: Path, inputs: Inputs) -> Export | None:
    """What lies there, if the same inputs have made every file that is wanted, and the files are still those."""
    made = exports.read_if_whole(folder)
    if made is None or made.status != exports.DONE or made.inputs != inputs:
        return None
    rows = made.standing
    return made if all(row.file and _sha256(folder / row.file) == row.sha256 for row in rows) else None


def _sha256(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None
