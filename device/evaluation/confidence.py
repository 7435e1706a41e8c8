"""What export.json says of a file's confidence: how its temperature and its threshold were fitted, and what they do."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ConfidenceInputs:
    """What decides it, beside the model and its data: the wished shares and the content of folders.

    unknown_sha256: of the images of unknown things. validation_sha256: of the held-out images of a .tflite; None for a
    run, whose model stands for its data too.
    """

    keep_known: float | None = None
    false_accepts: float | None = None
    unknown_sha256: str | None = None
    validation_sha256: str | None = None


@dataclass(frozen=True)
class Share:
    """A share of n images, 0 to 1, with its 95 % Wilson interval."""

    share: float
    n: int
    interval: tuple[float, float]


@dataclass(frozen=True)
class CalibrationError:
    """How far scores are from the share of right predictions.

    error: the expected calibration error over 15 bins of equally many images, with its 95 % bootstrap interval: from 0
    where calibrated scores may show as much by chance (export/confidence/scored.py).
    log_loss: the mean of -log of the right label's score.
    """

    error: float
    interval: tuple[float, float]
    log_loss: float


@dataclass(frozen=True)
class TemperatureFit:
    """A temperature fitted on n held-out images, `wrong` of them predicted wrongly.

    kept: whether the card has it; else `reason` says why not. gain: of log loss on images that it wasn't fitted on, by
    folds, with its 95 % interval.
    """

    n: int
    split: str
    wrong: int
    kept: bool = False
    reason: str | None = None
    temperature: float | None = None
    gain: float | None = None
    gain_interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class ThresholdFit:
    """The score below which a prediction is unknown, and what that does.

    wish: "keep_known" or "false_accepts", and its share; chosen_on: by how many images. right_kept and wrong_kept: of
    the right and of the wrong predictions for the judged images, the share that isn't unknown. false_accepts: of images
    of unknown things that didn't choose it, the share that gets a label.
    """

    unknown_below: float
    wish: str
    share: float
    chosen_on: int
    right_kept: Share | None = None
    wrong_kept: Share | None = None
    false_accepts: Share | None = None


@dataclass(frozen=True)
class FittedConfidence:
    """Both, and what they do to `judged_n` images of a split: the test's, or by folds the held-out ones.

    before, after: how well the scores are calibrated without and with the temperature; None where there are no labeled
    images, or no temperature was kept.
    """

    temperature: TemperatureFit
    threshold: ThresholdFit | None = None
    judged_split: str | None = None
    judged_n: int | None = None
    before: CalibrationError | None = None
    after: CalibrationError | None = None
