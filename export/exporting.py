"""Exports a model, with every check that protects what its folder holds. Python and the command line call this."""

from collections.abc import Collection
from os import PathLike
from pathlib import Path
from typing import Protocol

from device import command, files
from device.data import content
from device.evaluation import exports
from device.evaluation.exports import Export, Inputs
from device.inference.overrides import NO_OVERRIDES, Overrides
from device.model.variants import DEFAULT
from export.confidence.threshold import wish
from export.cost import limit
from export.model_card import page
from export.models import ExportedModels
from export.options import ExportOptions, check_epoch
from export.source.calibration import DEFAULT_SAMPLES
from export.source.request import ExportRequest

FilePath = str | PathLike[str]


class TrainedRun(Protocol):
    """Anything with the path of a run folder, such as the Run that `train` returns."""

    @property
    def path(self) -> FilePath: ...


def export(
    model: TrainedRun | FilePath,
    *,
    variants: str | Collection[str] = DEFAULT,
    run: FilePath | None = None,
    overrides: Overrides = NO_OVERRIDES,
    calibration: FilePath | None = None,
    test: FilePath | None = None,
    calibration_samples: int = DEFAULT_SAMPLES,
    seed: int = 1,
    max_drop: float | None = None,
    rescue: bool = False,
    robustness: bool = False,
    runtime: str | None = None,
    drawn_golden: bool = False,
    keep_known: float | None = None,
    unknown: FilePath | None = None,
    false_accepts: float | None = None,
    again: bool = False,
    hand_over: FilePath | None = None,
) -> ExportedModels:
    """Exports .tflite variants of a trained model into the folder export/ of its run, and compares each with the model.

    Files that are up to date (same model, same settings) stay as they are; the export of another model is moved aside.

    Args:
        model: a Run, its folder or model.keras; or anyone's .tflite, .keras, .h5, SavedModel, Teachable Machine folder.
        variants: the name of one, or several (device/model/variants.py); by default float32, float16, dynamic and int8.
        run: the folder for export/; by default the model's own run, or runs/NAME for anyone's model.
        overrides: for anyone's model, what it doesn't say itself: labels, scaling …
        calibration: for anyone's model, a folder of images like those that it will see; its train/, if it has one.
        test: for anyone's model, class folders of test images.
        calibration_samples: the number of images for int8's calibration.
        seed: draws the calibration images and the golden images.
        max_drop: the share of accuracy that a variant may lose to float32, 0 to 1 (0.005: half a point). Prints whether
            each is within it; `within` of the result says it for all.
        rescue: if int8 loses more than max_drop, searches for an int8 file that doesn't, which replaces it.
        robustness: also compares float32 and int8 on test images with a camera's faults: blur, noise, darkness …
        runtime: "tflite-runtime" keeps only files that also run there (docs/exporting.md).
        drawn_golden: draws the golden images instead of taking them from the data, for a file to publish.
        keep_known: the share of right predictions, 0 to 1, that the threshold of `unknown` keeps.
        unknown: a folder of images of none of the classes, to choose or judge that threshold.
        false_accepts: the share of such images that may get a label; 0.05 if `unknown` chooses the threshold.
        again: exports even if the files are up to date.
        hand_over: a new folder for a maker's compiler: the float model, calibration images, expected scores.

    Raises:
        UserError: the model, its labels or its images are missing or invalid, its float32 file is not sound, or another
            process works in the folder. CannotTellError: labeled images don't decide the scaling ("auto"). A variant
            that isn't sound raises nothing; `refused` of the result says why it was not kept.
    """
    check_epoch()
    wanted = (variants,) if isinstance(variants, str) else tuple(dict.fromkeys(variants))
    threshold = wish(keep_known, false_accepts, unknown is not None)
    options = ExportOptions(wanted, drawn_golden, max_drop, rescue, robustness, runtime, threshold)
    place = model if isinstance(model, str | PathLike) else model.path
    request = ExportRequest(
        Path(place), overrides, _path(calibration), _path(test), _path(run), calibration_samples, seed, _path(unknown)
    )
    return _made(request, options, again, _path(hand_over))


def _made(request: ExportRequest, options: ExportOptions, again: bool, hand_over: Path | None) -> ExportedModels:
    """The existing export if it is up to date, else a new one; adds what was requested besides the files."""
    # Here: numpy.f2py, which they import, ends on an epoch that is none.
    from export import variants as exporter
    from export.handover import folder as handover
    from export.inputs import inputs
    from export.robustness import robust
    from export.source.find import find

    if hand_over is not None:
        handover.check(hand_over, options.variants)
    source = find(request)
    if options.robustness:
        robust.check(source)
    folder = source.folder / "export"
    made = None if again else _up_to_date(folder, inputs(source, options))
    is_new = made is None
    if made is None:
        files.check_writable(folder, "--run")
        made = exporter.export(source, options)
        robust.clear(folder)
    if options.robustness and made.robustness is None:
        made, is_new = robust.added(source, made), True
    if not is_new:
        command.say(f"{folder}: up to date (same model, same settings); --again exports it anew")
    if options.max_drop is not None:
        for verdict in limit.of_export(made, options.max_drop):
            command.say(str(verdict))
    page.write(folder)
    if hand_over is not None:
        handover.write(hand_over, source, folder, made)
    return ExportedModels(folder, made, is_new)


def _path(given: FilePath | None) -> Path | None:
    return None if given is None else Path(given)


def _up_to_date(folder: Path, inputs: Inputs) -> Export | None:
    """The existing export, if the same inputs made every requested file, and the files are unchanged.

    None also for an export of an older version, whose variants were not compared with float32.
    """
    made = exports.read_if_whole(folder)
    if made is None or made.status != exports.DONE or made.inputs != inputs:
        return None
    rows = made.standing
    is_whole = all(row.file and content.file_hash(folder / row.file) == row.sha256 for row in rows)
    is_compared = all(row.cost or row.failures for row in made.variants) and (not made.rescue or made.rescue.cost)
    return made if is_whole and is_compared else None
