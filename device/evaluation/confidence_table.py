"""The temperature and the threshold of each file, and what they do, as a table."""

from collections.abc import Mapping, Sequence

from device import text
from device.evaluation.confidence import CalibrationError, FittedConfidence, Share
from device.evaluation.exports import ExportedVariant

TEMPERATURE = ("temperature", "calibration error", "with temperature")
THRESHOLD = ("unknown below", "right kept", "wrong kept", "false accepts")
WISHES = {
    "keep_known": "{} of right predictions are to stay known",
    "false_accepts": "{} of images of unknown things may get a label",
}

# Header and rows.
Table = tuple[tuple[str, ...], list[tuple[str, ...]]]


def fitted(rows: Sequence[ExportedVariant]) -> dict[str, FittedConfidence]:
    """By variant; {} where no file has a temperature or a threshold."""
    found = {row.variant: row.confidence for row in rows if row.confidence}
    return found if any(one.temperature.kept or one.threshold for one in found.values()) else {}


def table(corner: str, found: Mapping[str, FittedConfidence]) -> Table:
    """A row a file: its temperature, calibration without and with it, what a threshold keeps where one is wished."""
    is_wished = any(one.threshold for one in found.values())
    header = (corner, *TEMPERATURE, *(THRESHOLD if is_wished else ()))
    return header, [(name, *_temperature(one), *(_threshold(one) if is_wished else ())) for name, one in found.items()]


def notes(found: Mapping[str, FittedConfidence]) -> list[str]:
    """What the table was judged on, and what was wished."""
    first = next(iter(found.values()))
    lines = [f"confidence: on {first.judged_n} images ({first.judged_split})"] if first.judged_n else []
    if wished := next((one.threshold for one in found.values() if one.threshold), None):
        share = WISHES[wished.wish].format(text.percent(wished.share, 1))
        lines.append(f"threshold: {share}, chosen on {wished.chosen_on} images")
    return lines


def _temperature(one: FittedConfidence) -> tuple[str, ...]:
    found = one.temperature
    return f"{found.temperature:.3f}" if found.kept else "-", _error(one.before), _error(one.after)


def _threshold(one: FittedConfidence) -> tuple[str, ...]:
    found = one.threshold
    if found is None:
        return "-", "-", "-", "-"
    return f"{found.unknown_below:.4f}", *map(_share, (found.right_kept, found.wrong_kept, found.false_accepts))


def _error(found: CalibrationError | None) -> str:
    return "-" if found is None else f"{text.percent(found.error)} ({_interval(found.interval)})"


def _share(found: Share | None) -> str:
    return "-" if found is None else f"{text.percent(found.share, 1)} ({_interval(found.interval)}, n {found.n})"


def _interval(ends: tuple[float, float]) -> str:
    return "{:.1f}-{:.1f}".format(*(100 * end for end in ends))
