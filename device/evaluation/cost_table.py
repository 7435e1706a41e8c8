"""What each variant of an export costs, as a table: the same in the terminal, a notebook and the report's page."""

from dataclasses import dataclass
from pathlib import Path

from device import text
from device.data import benchmark_record
from device.evaluation import by_label, confidence_table, runtimes
from device.evaluation.exports import Export, ExportedVariant
from device.model.card import CROSS_VALIDATION

HEADER = ("variant", "size", "accuracy", "drop, points", "p", "agreement", "p50 ms", "to float32")
# Labels that are named in a line.
NAMED, LABEL_LENGTH = 3, 24
FLOAT32 = "float32"
SHARED = "the file was chosen by images that also judge it, as there are no test images; on others it may lose more"

# Header and rows.
Table = tuple[tuple[str, ...], list[tuple[str, ...]]]


@dataclass(frozen=True)
class Latencies:
    """By variant the p50 in ms, one thread. is_short: export's own measurement, not `benchmarks latency`'s."""

    by_variant: dict[str, float]
    is_short: bool

    def ratio(self, row: ExportedVariant) -> float | None:
        """To float32's; export has measured it also where that file wasn't kept."""
        if self.is_short:
            return row.cost.latency.ratio if row.cost and row.cost.latency else None
        mine, first = (self.by_variant.get(name) for name in (row.variant, FLOAT32))
        return mine / first if mine and first else None


def latencies(made: Export, run: Path) -> Latencies:
    """Of every file `benchmarks latency` has measured, that; else what export measured: never of both, since the two
    measure at different times.
    """
    timed = benchmark_record.latencies(run)
    kept = [row for row in made.standing if row.file]
    if kept and all(row.sha256 in timed for row in kept):
        return Latencies({row.variant: timed[row.sha256] for row in kept if row.sha256}, is_short=False)
    own = {row.variant: row.cost.latency.milliseconds for row in made.rows if row.cost and row.cost.latency}
    return Latencies(own, is_short=True)


def rows(made: Export, run: Path) -> list[tuple[str, ...]]:
    """As HEADER has them. run: the folder that may hold a benchmark.json of these files."""
    timed = latencies(made, run)
    return [
        (
            row.variant,
            text.size(row.file_bytes),
            text.accuracy(row.top1, row.interval, row.n),
            *_paired(row),
            text.percent(row.agreement),
            text.milliseconds(timed.by_variant.get(row.variant)),
            text.ratio(timed.ratio(row)),
        )
        for row in made.rows
    ]


def _paired(row: ExportedVariant) -> tuple[str, str]:
    cost = row.cost
    if row.variant == FLOAT32 or cost is None or cost.p is None:
        return "-", "-"
    return text.points(cost.drop, cost.drop_interval), "<0.001" if cost.p < 0.001 else f"{cost.p:.3f}"


def by_labels(made: Export) -> Table | None:
    """Balanced accuracy and worst label, a row a variant; None where the labels are equally common."""
    if not by_label.are_uneven(made.rows):
        return None
    return ("variant", *by_label.HEADER), [(row.variant, *by_label.cells(row)) for row in made.rows]


def by_runtime(made: Export) -> Table | None:
    """How each variant does in other runtimes; None where none was tried."""
    columns = runtimes.columns([row.runtimes for row in made.rows])
    if not columns:
        return None
    cells = zip(*columns.values(), strict=True)
    return ("variant", *columns), [(row.variant, *each) for row, each in zip(made.rows, cells, strict=True)]


def by_confidence(made: Export) -> Table | None:
    """Each file's temperature and threshold, and what they do; None where none has any."""
    fitted = confidence_table.fitted(made.rows)
    return confidence_table.table("confidence", fitted) if fitted else None


def by_attempt(made: Export) -> Table | None:
    """What a rescue tried, in order; None where there was none. Ratios are to the plain int8 file."""
    if made.rescue is None:
        return None
    header = ("rescue", "size", "p50 ms", "to plain", "drop, points", "lost", "won", "error", "")
    return header, [
        (
            step.means,
            text.size(step.network_bytes),
            text.milliseconds(step.latency_ms),
            text.ratio(step.latency_ratio),
            text.points(step.drop, step.drop_interval),
            str(step.lost),
            str(step.won),
            "-" if step.mean_error is None else f"{step.mean_error:.2g}",
            ", ".join(word for word, is_so in (("chosen", step.is_chosen), ("front", step.is_on_front)) if is_so),
        )
        for step in made.rescue.steps
    ]


def changes(row: ExportedVariant) -> list[str]:
    """In words: how many predictions differ from float32's, and the labels that lost most; [] where none differs."""
    cost = row.cost
    if cost is None or not cost.changed:
        return []
    said = f"{row.variant} predicts {cost.changed} of {cost.n} images differently from float32"
    if cost.lost is None or cost.won is None:
        return [said]
    said += f": {cost.lost} lost, {cost.won} won, {cost.changed - cost.lost - cost.won} wrong in both"
    lost = [f"{_short(one.label)} ({one.lost - one.won} of {one.n})" for one in cost.labels if one.lost > one.won]
    return [said, *([f"{row.variant} loses most of: {text.some(lost, NAMED)}"] if lost else [])]


def _short(label: str) -> str:
    return label if len(label) <= LABEL_LENGTH else f"{label[: LABEL_LENGTH - 1]}…"


def notes(made: Export, run: Path) -> list[str]:
    """What the figures were taken on and how."""
    calibration = made.calibration
    timed = latencies(made, run)
    found = [_compared_with(made)]
    if any(row.variant != FLOAT32 for row in made.variants):
        found.append("drop: accuracy lost to float32, paired, with its 95 % interval; p: McNemar's exact test")
    if calibrated := [row.variant for row in made.variants if row.layers]:
        images = f"{calibration.n} images ({calibration.split}, seed {calibration.seed})"
        found.append(f"{', '.join(calibrated)}: calibrated with {images}")
    if (rescue := made.rescue) and rescue.steps:
        on = f"{rescue.steps[0].n} images ({rescue.split})"
        found.append(
            f"rescue: on {on}; error: the mean difference of a score from float32's; front: no other is better and as"
            " fast, or faster and as good"
        )
        found += [f"rescue: {SHARED}"] if rescue.shares_images else []
    if fitted := confidence_table.fitted(made.rows):
        found += confidence_table.notes(fitted)
    if by_runtime(made):
        found.append(runtimes.EXPLAINED)
    if timed.by_variant:
        short = "one thread, a short measurement in turns; python -m benchmarks latency is more exact"
        found.append(f"p50: {short if timed.is_short else 'as python -m benchmarks latency measured it'}")
    return found


def _compared_with(made: Export) -> str:
    first = made.variants[0]
    if first.split == CROSS_VALIDATION:
        return (
            f"compared with {made.reference} on the training images, through device; accuracy:"
            " cross-validated, each image by a head that has not seen it"
        )
    note = f"compared with {made.reference} on the {first.split} images, through device"
    if first.split == "calibration":
        note += f"; these {first.n} calibrated it: --test DIR shows what it does on others"
    return note


def tables(made: Export, run: Path) -> list[Table]:
    """What each file costs; balanced accuracy of uneven labels; other runtimes; confidence; a rescue's attempts."""
    found = [(HEADER, rows(made, run)), by_labels(made), by_runtime(made), by_confidence(made), by_attempt(made)]
    return [table for table in found if table]


def lines(made: Export, run: Path) -> list[str]:
    """The tables as text, what changed, and how it was measured."""
    first, *others = tables(made, run)
    changed = [said for row in made.rows for said in changes(row)]
    beside = [line for table in others for line in ("", *text.table(*table))]
    return [*text.table(*first), *beside, *changed, *notes(made, run)]
