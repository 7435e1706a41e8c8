"""How a file's temperature and threshold were fitted, and their effect. A part of export.json."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ConfidenceInputs:
    """What decides the fit besides the model and its data: the requested shares, and the content of folders.

    unknown_sha256: the hash of the images of unknown things. validation_sha256: the hash of the held-out images; None
    for a run, whose model identifies its data.
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

    error: the expected calibration error over 15 bins of equally many images, with its 95 % bootstrap interval, from 0
    if calibrated scores may show as much by chance (export/confidence/scored.py).
    log_loss: the mean of -log of the right label's score.
    """

    error: float
    interval: tuple[float, float]
    log_loss: float


@dataclass(frozen=True)
class TemperatureFit:
    """A temperature fitted on n held-out images, `wrong` of them predicted wrongly.

    kept: whether the card has it; if not, `reason` says why. gain: of log loss on images that it wasn't fitted on, by
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
    """The score below which a prediction is unknown, and its effect.

    wish: "keep_known" or "false_accepts", with its share. chosen_on: the number of images that chose the score.
    right_kept, wrong_kept: the share of right, and of wrong, predictions that keep their label. false_accepts: the
    share of other images of unknown things that get a label.
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
    """Both, judged on `judged_n` images of a split: the test images, or by folds the held-out ones.

    before, after: the calibration error without and with the temperature; None without labeled images, or if no
    temperature was kept.
    """

    temperature: TemperatureFit
    threshold: ThresholdFit | None = None
    judged_split: str | None = None
    judged_n: int | None = None
    before: CalibrationError | None = None
    after: CalibrationError | None = None
