"""Chooses the fastest file and number of threads on this board, among files that lose little accuracy.

The accuracy comes from given labeled images, or from each file's card, measured at export. Files whose loss is
certainly too large drop out (losses.py); one is faster if the ratios within the same processes show it. The selection
is written beside the models, for `device live --auto`.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path

from benchmarks.documents.rows import LatencyRow, SelectedRow, Timed
from benchmarks.gate.drop import Right
from benchmarks.select import losses
from benchmarks.select.losses import Known, Loss, Losses
from benchmarks.statistics import stats
from benchmarks.statistics.stats import Interval
from device import text
from device.errors import UserError
from device.live import selection

TOO_FEW = "too few processes"


@dataclass(frozen=True)
class SelectedFile:
    """The chosen row, and every row with why it was not chosen (None: it was). by_frame: see `speed_ms`.

    losses: of the files with a known accuracy, by SHA-256. most_drop: what they may lose. is_fastest_known: whether
    enough processes timed the rows to compare them.
    """

    chosen: LatencyRow
    rows: list[tuple[LatencyRow, str | None]]
    by_frame: bool
    losses: Losses
    most_drop: float
    is_fastest_known: bool

    def loss(self, row: LatencyRow) -> Loss | None:
        return self.losses.of.get(row.sha256) if _is_known(row) else None


def choose(rows: Sequence[LatencyRow], most_drop: float, right: Mapping[str, Right] | None = None) -> SelectedFile:
    """rows: of a latency document, with top1 and accuracy_n. most_drop: 0.01 is one point below the best. right: each
    file's correct predictions, by its SHA-256, if they classified the same images.

    Of the files that don't certainly lose more, chooses the lowest p50 of a whole frame, or of invoke if one of them
    has no preprocessing. Prefers fewer threads unless the fastest is certainly faster, by the ratios within fresh
    processes, to leave cores for other work. Rows that fewer than stats.fewest() processes timed only count if all are
    such; then it chooses the fewest threads. UserError if none could be measured, or no file's accuracy is known.
    """
    measured = [row for row in rows if not row.error]
    if rows and not measured:
        raise UserError(f"none could be measured; {rows[0].file}: {rows[0].error}")
    known = {
        row.sha256: Known(row.top1, row.accuracy_n or 0, None if right is None else right[row.sha256])
        for row in measured
        if row.top1 is not None
    }
    if not known:
        raise UserError("no file has a known accuracy, expected one in its card; give labeled images with --data")
    found = losses.judge(known, most_drop)
    allowed = [row for row in measured if _is_known(row) and found.of[row.sha256].standing != "beyond"]
    by_frame = all(row.frame for row in allowed)
    often = [row for row in allowed if _series(row, by_frame).p50_interval_ms is not None]
    chosen = _fastest(often or allowed, by_frame)
    made = SelectedFile(chosen, [], by_frame, found, most_drop, bool(often))
    made.rows.extend((row, None if row is chosen else _why_not(row, made)) for row in rows)
    return made


def _fastest(rows: Sequence[LatencyRow], by_frame: bool) -> LatencyRow:
    fastest = min(rows, key=lambda row: speed_ms(row, by_frame))
    fewest = min(row.threads for row in rows if not _is_slower(_ratio(row, fastest, by_frame)))
    return min((row for row in rows if row.threads <= fewest), key=lambda row: speed_ms(row, by_frame))


def _is_known(row: LatencyRow) -> bool:
    return row.error is None and row.top1 is not None


def speed_ms(row: LatencyRow, by_frame: bool) -> float:
    """p50 of a whole frame, or of invoke; the two are not comparable."""
    p50_ms = _series(row, by_frame).p50_ms
    return inf if p50_ms is None else p50_ms


def _series(row: LatencyRow, by_frame: bool) -> Timed:
    """The whole frame if requested and measured, else invoke."""
    return row.frame if by_frame and row.frame else row


def _ratio(row: LatencyRow, other: LatencyRow, by_frame: bool) -> Interval | None:
    """The ratio of two rows' times, over the processes that timed both; None for fewer than stats.fewest().

    Effects of a process or a moment on both cancel in each ratio, but not in two intervals.
    """
    times = (_series(each, by_frame).p50_by_process_ms for each in (row, other))
    return stats.geometric_center([ours / theirs for ours, theirs in zip(*times, strict=False) if ours and theirs])


def _is_slower(ratio: Interval | None) -> bool:
    return ratio is not None and ratio.low > 1


def _why_not(row: LatencyRow, choice: SelectedFile) -> str:
    if row.error:
        return row.error
    loss = choice.loss(row)
    if loss is None:
        return "its accuracy is unknown"
    if loss.standing == "beyond" and loss.points is not None:
        return f"loses {_said(loss.points)} points"
    ratio = _ratio(row, choice.chosen, choice.by_frame)
    if ratio is None or _series(row, choice.by_frame).p50_interval_ms is None:
        return TOO_FEW
    if _is_slower(ratio):
        return f"{ratio.middle:.2f} times as slow"
    return f"not clearly faster than {'fewer threads' if row.threads > choice.chosen.threads else 'the chosen one'}"


def keep(path: Path, model: Path, choice: SelectedFile) -> None:
    """Writes the selection, with the model's path relative to it."""
    row = choice.chosen
    place = os.path.relpath(model.resolve(), path.parent.resolve())
    selection.write(path, place, row.sha256, row.threads, str(row.runtime))


def selected_rows(choice: SelectedFile) -> list[SelectedRow]:
    """The rows of the result document, with each file's loss and its judgment."""
    return [_selected(row, choice.loss(row)) for row, _ in choice.rows]


def _selected(row: LatencyRow, loss: Loss | None) -> SelectedRow:
    points = loss.points if loss else None
    return SelectedRow(
        **vars(row),
        standing=loss.standing if loss else None,
        loss=points.bounds if points else None,
    )


def lines(choice: SelectedFile) -> list[str]:
    """One row per case, the chosen one first, with why the others were not chosen; then notes."""
    header = ("model", "threads", "frame ms", "invoke ms", "accuracy", "to the best", "")
    order = sorted(choice.rows, key=lambda pair: (pair[1] is not None, _order(pair[0], choice.by_frame)))
    rows = [
        [
            row.file.removesuffix(".tflite"),
            str(row.threads),
            text.milliseconds(row.frame.p50_ms if row.frame else None),
            text.milliseconds(row.p50_ms),
            text.percent(row.top1),
            loss.standing if (loss := choice.loss(row)) else "-",
            "chosen" if why is None else why,
        ]
        for row, why in order
    ]
    return [*text.table(header, rows), *notes(choice)]


def notes(choice: SelectedFile) -> list[str]:
    """The basis of the choice, and its uncertainties."""
    best = next(row for row, _ in choice.rows if row.sha256 == choice.losses.best)
    points = f"{100 * choice.most_drop:g} point{'' if choice.most_drop == 0.01 else 's'}"
    by = f"paired, {best.accuracy_n} images" if choice.losses.paired else "by the cards, not paired"
    found = []
    if len(choice.losses.of) > 1:
        found.append(
            f"to the best: accuracy lost to {best.file}, certainly within {points}, certainly beyond, or neither"
            f" (95 % for all together; {by})"
        )
        found.append(
            "the accuracies are on the images of the choice: on average too high by up to"
            f" {100 * choice.losses.flattery:.2f} points"
        )
    loss = choice.loss(choice.chosen)
    if loss and loss.points and loss.standing == "can't tell":
        found.append(f"{choice.chosen.file} may be as good as the best: it loses {_said(loss.points)} points")
    if not choice.is_fastest_known:
        found.append(
            f"with fewer than {stats.fewest()} processes the fewest threads are chosen; give more --seconds to compare"
            " them"
        )
    return found


def _said(points: Interval) -> str:
    return text.points(points.middle, (points.low, points.high))


def _order(row: LatencyRow, by_frame: bool) -> float:
    """By speed, failed ones last."""
    return inf if row.p50_ms is None else speed_ms(row, by_frame and row.frame is not None)
