"""How fitted confidence is said: a row a variant, and why there is no temperature where there is none."""

from collections.abc import Sequence

from device import text
from device.evaluation.confidence import CalibrationError, FittedConfidence, Share
from device.evaluation.exports import ExportedVariant

# Of right predictions that are to stay known.
USEFUL = 0.8
WISHES = {
    "keep_known": "{} of right predictions are to stay known",
    "false_accepts": "{} of images of unknown things may get a label",
}


def lines(rows: Sequence[ExportedVariant]) -> list[str]:
    """[] where nothing was fitted."""
    found = [(row.variant, row.confidence) for row in rows if row.confidence]
    tempered = any(one.temperature.kept for _, one in found)
    wished = next((one.threshold for _, one in found if one.threshold), None)
    if not tempered and not wished:
        return []
    header = ["confidence", "temperature", "calibration error", "with temperature"]
    if wished:
        header += ["unknown below", "right kept", "wrong kept", "false accepts"]
    cells = [[variant, *_temperature(one), *(_threshold(one) if wished else ())] for variant, one in found]
    first = found[0][1]
    notes = [f"on {first.judged_n} images ({first.judged_split})"] if first.judged_n else []
    if wished:
        share = WISHES[wished.wish].format(text.percent(wished.share, 1))
        notes.append(f"threshold: {share}, chosen on {wished.chosen_on} images")
    return ["", *text.table(header, cells), *notes]


def _temperature(fitted: FittedConfidence) -> tuple[str, ...]:
    found = fitted.temperature
    return f"{found.temperature:.3f}" if found.kept else "-", _error(fitted.before), _error(fitted.after)


def _threshold(fitted: FittedConfidence) -> tuple[str, ...]:
    found = fitted.threshold
    if found is None:
        return "-", "-", "-", "-"
    return f"{found.unknown_below:.4f}", *map(_share, (found.right_kept, found.wrong_kept, found.false_accepts))


def _error(found: CalibrationError | None) -> str:
    return "-" if found is None else f"{text.percent(found.error)} ({_interval(found.interval)})"


def _share(found: Share | None) -> str:
    return "-" if found is None else f"{text.percent(found.share, 1)} ({_interval(found.interval)}, n {found.n})"


def _interval(ends: tuple[float, float]) -> str:
    return "{:.1f}-{:.1f}".format(*(100 * end for end in ends))


def losses(variant: str, fitted: FittedConfidence | None) -> list[str]:
    """What a threshold costs where it is of little use."""
    kept = fitted.threshold.right_kept if fitted and fitted.threshold else None
    if kept is None or kept.share >= USEFUL:
        return []
    return [
        f"{variant}: its threshold makes {text.percent(1 - kept.share, 1)} of right predictions unknown: the best score"
        " hardly tells such images apart; allow more of them, or train a class of its own with them"
    ]


def note(rows: Sequence[ExportedVariant]) -> str | None:
    """Why no file has a temperature; None where one has."""
    found = [row.confidence.temperature for row in rows if row.confidence]
    if not found or any(one.kept for one in found):
        return None
    return f"no temperature was fitted: {found[0].reason}; scores are as the network gives them"
