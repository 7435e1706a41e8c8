"""Which file and how many threads are fastest on this very board, among those that lose little accuracy.

The accuracy is that of labeled images that are given, or of each file's card, measured at export. A file whose loss
isn't certainly too large stays (losses.py), and one is faster when the same processes say so. The answer is written
beside the models, and `device live --auto` uses it.
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

TOO_FEW = "too few processes to tell"


@dataclass(frozen=True)
class SelectedFile:
    """The row that was chosen, and every row with why it was not (None: it was). by_frame: see `speed_ms`.

    losses: of the files whose accuracy is known, by their SHA-256. most_drop: what they may lose. is_fastest_known:
    whether enough processes timed the rows to say which is faster.
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
    """rows: of a latency document, with top1 and accuracy_n. most_drop: 0.01 is a point below the best of them.
    right: about which images each file is right, by its SHA-256, where they were asked about the same ones.

    Of the files that don't certainly lose more, the fastest p50 of a frame's way, or of invoke where one of them
    doesn't say how it is fed. Fewer threads are chosen where the fastest isn't certainly faster, by the ratios within
    fresh processes: they leave cores for other work. Rows that fewer than six processes timed are never the fastest
    beside others; where all are such, the fewest threads are chosen. UserError where none could be measured, or no
    file's accuracy is known.
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
        raise UserError("no file says how accurate it is; give labeled images with --data")
    found = losses.judge(known, most_drop)
    allowed = [row for row in measured if _is_known(row) and found.of[row.sha256].standing != "beyond"]
    by_frame = all(row.frame for row in allowed)
    often = [row for row in allowed if _lane(row, by_frame).p50_interval_ms is not None]
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
    """p50 of a frame's way, or of invoke: one can't be held against the other."""
    p50_ms = _lane(row, by_frame).p50_ms
    return inf if p50_ms is None else p50_ms


def _lane(row: LatencyRow, by_frame: bool) -> Timed:
    """A frame's way only of a row that has one."""
    return row.frame if by_frame and row.frame else row


def _ratio(row: LatencyRow, other: LatencyRow, by_frame: bool) -> Interval | None:
    """The row's time as a multiple of the other's, over the processes that timed both; None for fewer than six.

    What a process or a moment does to both of them cancels in each ratio, and doesn't in two intervals.
    """
    times = (_lane(each, by_frame).p50_by_process_ms for each in (row, other))
    return stats.geometric_center([ours / theirs for ours, theirs in zip(*times, strict=False) if ours and theirs])


def _is_slower(ratio: Interval | None) -> bool:
    return ratio is not None and ratio.low > 1


def _why_not(row: LatencyRow, choice: SelectedFile) -> str:
    if row.error:
        return row.error
    loss = choice.loss(row)
    if loss is None:
        return "its accuracy isn't known"
    if loss.standing == "beyond" and loss.points is not None:
        return f"loses {_points(loss.points)} points"
    lane = _lane(row, choice.by_frame)
    ratio = _ratio(row, choice.chosen, choice.by_frame)
    if ratio is None or lane.p50_interval_ms is None:
        return TOO_FEW
    if _is_slower(ratio):
        return f"{ratio.middle:.2f} times as slow"
    return f"can't be told from {'fewer threads' if row.threads > choice.chosen.threads else 'the chosen one'}"


def keep(path: Path, model: Path, choice: SelectedFile) -> None:
    """Writes the selection; the model's place counts from its folder."""
    row = choice.chosen
    place = os.path.relpath(model.resolve(), path.parent.resolve())
    selection.write(path, place, row.sha256, row.threads, str(row.runtime))


def told(choice: SelectedFile) -> list[SelectedRow]:
    """The rows of the result document: with what each file loses, and how that stands."""
    return [_told(row, choice.loss(row)) for row, _ in choice.rows]


def _told(row: LatencyRow, loss: Loss | None) -> SelectedRow:
    points = loss.points if loss else None
    return SelectedRow(
        **vars(row),
        standing=loss.standing if loss else None,
        loss=points.bounds if points else None,
    )


def lines(choice: SelectedFile) -> list[str]:
    """A row a case, the chosen one first, and why each other was not; below it what the columns rest on."""
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
    """What the choice rests on, and what can't be told."""
    best = next(row for row, _ in choice.rows if row.sha256 == choice.losses.best)
    points = f"{100 * choice.most_drop:g} point{'' if choice.most_drop == 0.01 else 's'}"
    by = f"paired, {best.accuracy_n} images" if choice.losses.paired else "by the cards, not paired"
    said = []
    if len(choice.losses.of) > 1:
        said.append(
            f"to the best: accuracy lost to {best.file}, certainly within {points}, certainly beyond, or neither"
            f" (95 % for all together; {by})"
        )
        said.append(
            "the accuracies are of the images that chose: on average too high by up to"
            f" {100 * choice.losses.flattery:.2f} points"
        )
    loss = choice.loss(choice.chosen)
    if loss and loss.points and loss.standing == "can't tell":
        said.append(f"{choice.chosen.file} can't be told from the best: it loses {_points(loss.points)} points")
    if not choice.is_fastest_known:
        said.append("fewer than six processes can't say what is faster: the fewest threads are chosen; try --seconds")
    return said


def _points(points: Interval) -> str:
    """3.00 (1.20 to 4.80)"""
    return f"{100 * points.middle:.2f} ({100 * points.low:.2f} to {100 * points.high:.2f})"


def _order(row: LatencyRow, by_frame: bool) -> float:
    """By speed; what could not be measured comes last."""
    return inf if row.p50_ms is None else speed_ms(row, by_frame and row.frame is not None)
