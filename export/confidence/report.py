"""What is said of fitted confidence beside its table: a threshold of little use, and why there is no temperature."""

from collections.abc import Sequence

from device import text
from device.evaluation.confidence import FittedConfidence
from device.evaluation.exports import ExportedVariant

# Of right predictions that are to stay known.
USEFUL = 0.8


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
