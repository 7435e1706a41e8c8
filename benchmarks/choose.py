"""Which file and how many threads are fastest on this very board, among those that lose little accuracy.

The accuracy is that of each file's card, measured at export, or of labelled pictures that are given. The answer is
written beside the models, and `device live --auto` uses it.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

from device import files, text
from device.errors import UserError
from device.live import selection


@dataclass(frozen=True)
class Choice:
    """The row that was chosen, and every row with why it was not (None: it was). by_frame: see `speed_ms`."""

    chosen: dict[str, Any]
    rows: list[tuple[dict[str, Any], str | None]]
    by_frame: bool


def choose(rows: Sequence[dict[str, Any]], most_drop: float) -> Choice:
    """rows: of a latency document, with "top1". most_drop: 0.01 is a point below the best of them.

    The fastest p50 of a frame's way, or of invoke where one of them doesn't say how it is fed. Where its intervals for
    two overlap, fewer threads are chosen: they leave cores for other work. UserError where none could be measured, or
    no file's accuracy is known.
    """
    measured = [row for row in rows if not row["error"]]
    if rows and not measured:
        raise UserError(f"none could be measured; {rows[0]['file']}: {rows[0]['error']}")
    known = [row for row in measured if row["top1"] is not None]
    if not known:
        raise UserError("no file says how accurate it is; give labelled pictures with --data")
    best = max(row["top1"] for row in known)
    allowed = [row for row in known if row["top1"] >= best - most_drop - 1e-9]
    by_frame = all(row["frame"] for row in allowed)
    fastest = min(allowed, key=lambda row: speed_ms(row, by_frame))
    fewest = min(row["threads"] for row in allowed if _overlap(row, fastest, by_frame))
    few = [row for row in allowed if row["threads"] <= fewest]
    chosen = min(few, key=lambda row: speed_ms(row, by_frame))
    why_not = [None if row is chosen else _why_not(row, best, most_drop, chosen, by_frame) for row in rows]
    return Choice(chosen, list(zip(rows, why_not, strict=True)), by_frame)


def speed_ms(row: dict[str, Any], by_frame: bool) -> float:
    """p50 of a frame's way, or of invoke: one can't be held against the other."""
    return float(_lane(row, by_frame)["p50_ms"])


def _lane(row: dict[str, Any], by_frame: bool) -> dict[str, Any]:
    lane: dict[str, Any] = row["frame"] if by_frame else row
    return lane


def _overlap(row: dict[str, Any], other: dict[str, Any], by_frame: bool) -> bool:
    ours, theirs = (_lane(each, by_frame)["p50_interval_ms"] for each in (row, other))
    return row is other or (ours is not None and theirs is not None and ours[0] <= theirs[1] and theirs[0] <= ours[1])


def _why_not(row: dict[str, Any], best: float, most_drop: float, chosen: dict[str, Any], by_frame: bool) -> str:
    if row["error"]:
        return str(row["error"])
    if row["top1"] is None:
        return "its accuracy isn't known"
    if row["top1"] < best - most_drop - 1e-9:
        return f"loses {100 * (best - row['top1']):.2f} points"
    times = speed_ms(row, by_frame) / speed_ms(chosen, by_frame)
    return "no faster than fewer threads" if times <= 1 else f"{times:.2f} times as slow"


def keep(path: Path, model: Path, choice: Choice) -> None:
    """Writes the selection; the model's place counts from its folder."""
    row = choice.chosen
    place = os.path.relpath(model.resolve(), path.parent.resolve())
    files.write_json(path, selection.document(place, row["sha256"], row["threads"], row["runtime"]))


def lines(choice: Choice) -> list[str]:
    """A row a case, the chosen one first, and why each other was not."""
    header = ("model", "threads", "frame ms", "invoke ms", "accuracy", "")
    order = sorted(choice.rows, key=lambda pair: (pair[1] is not None, _order(pair[0], choice.by_frame)))
    rows = [
        [
            row["file"].removesuffix(".tflite"),
            str(row["threads"]),
            text.milliseconds(row["frame"]["p50_ms"] if row["frame"] else None),
            text.milliseconds(row["p50_ms"]),
            text.percent(row["top1"]),
            "chosen" if why is None else why,
        ]
        for row, why in order
    ]
    return text.table(header, rows)


def _order(row: dict[str, Any], by_frame: bool) -> float:
    """By speed; what could not be measured comes last."""
    return inf if row["p50_ms"] is None else speed_ms(row, by_frame and row["frame"] is not None)
