"""How robustness is said in a terminal: a row a corruption, float32 and int8 side by side at each severity."""

from device import text
from device.evaluation.robustness import CorruptedAccuracy, Robustness

BEYOND_CHANCE = "*"


def lines(found: Robustness) -> list[str]:
    severities = sorted({row.severity for row in found.rows})
    header = ("float32 / int8, %", *(f"severity {severity}" for severity in severities))
    by_name: dict[str, list[CorruptedAccuracy]] = {}
    for row in found.rows:
        by_name.setdefault(row.corruption, []).append(row)
    rows = [(name.replace("_", " "), *map(_cell, each)) for name, each in by_name.items()]
    clean = ("clean images", *[_cell(found.clean)] * len(severities))
    note = f"{found.n} {found.split} images, severities of {found.parameters}; {BEYOND_CHANCE}: the 95 % interval of"
    return [
        *text.table(header, [clean, *rows]),
        f"{note} what int8 loses leaves out 0",
        *map(_beyond_chance, filter(is_beyond_chance, found.rows)),
        f"int8 loses {text.points(found.drop, found.drop_interval)} points under corruption,"
        f" {text.points(found.more_than_clean, found.more_than_clean_interval)} more than on clean images",
    ]


def _cell(row: CorruptedAccuracy) -> str:
    mark = BEYOND_CHANCE if is_beyond_chance(row) else " "
    return f"{100 * row.float32:.1f} / {100 * row.int8:.1f}{mark}"


def _beyond_chance(row: CorruptedAccuracy) -> str:
    lost = text.points(row.drop, row.drop_interval)
    return f"{row.corruption.replace('_', ' ')}, severity {row.severity}: int8 loses {lost} points"


def is_beyond_chance(row: CorruptedAccuracy) -> bool:
    low, high = row.drop_interval
    return not low <= 0 <= high
