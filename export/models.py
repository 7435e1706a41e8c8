"""What an export left: its files, how good and how large each is, and why a variant was not kept."""

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from device import text
from device.data import benchmark_record
from device.evaluation import by_label
from device.evaluation.exports import Export, ExportedVariant, Rescue
from export.confidence import report as confidence_report
from export.rescue import report


@dataclass(frozen=True)
class ExportedModel:
    """A variant's file.

    size: in bytes. accuracy: the share of test images with the right label, with its 95 % interval; None where there
    were no labels. agreement: the share of images with the same label as the source. latency: the median time of an
    inference in ms, where `benchmarks latency` has measured this very file; else None.
    """

    variant: str
    path: Path
    size: int
    accuracy: float | None
    interval: tuple[float, float] | None
    agreement: float | None
    latency: float | None


class ExportedModels(Mapping[str, ExportedModel]):
    """By variant the files that were kept: models["int8"].path. In a notebook, or printed, a table.

    Where int8 was rescued, models["int8"] is the rescued file.
    folder: where they lie, with export.json. record: that document. is_new: False where they were up to date.
    """

    def __init__(self, folder: Path, record: Export, is_new: bool) -> None:
        self.folder, self.record, self.is_new = folder, record, is_new
        latencies = benchmark_record.latencies(folder.parent)
        self._models = {
            plain.variant: ExportedModel(
                plain.variant,
                folder / row.file,
                row.file_bytes or 0,
                measured.top1,
                measured.interval,
                measured.agreement,
                latencies.get(row.sha256 or ""),
            )
            for plain, row in zip(record.variants, record.standing, strict=True)
            if row.file
            for measured in [row.comparison if isinstance(row, Rescue) else row]
        }

    @property
    def refused(self) -> dict[str, tuple[str, ...]]:
        """Why a variant that was asked for was not kept."""
        return {row.variant: row.failures for row in self.record.variants if row.variant not in self._models}

    def __getitem__(self, variant: str) -> ExportedModel:
        """KeyError, with the reason, for one that was not kept or not asked for."""
        if variant in self._models:
            return self._models[variant]
        reasons = self.refused.get(variant, ("it was not asked for",))
        raise KeyError(f"{variant}: {'; '.join(reasons)}; there are: {', '.join(self)}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._models)

    def __len__(self) -> int:
        return len(self._models)

    def __repr__(self) -> str:
        return f"<ExportedModels {self.folder}: {', '.join(self)}>"

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """The table as text, with a line that says what the files were compared with."""
        rescue = ["", *report.lines(self.record.rescue)] if self.record.rescue else []
        confidence = confidence_report.lines(self.record.variants)
        return [*text.table(*self._table()), _note(self.record), *confidence, *rescue]

    def _repr_html_(self) -> str:
        header, rows = self._table()
        return f"<table>{_row('th', header)}{''.join(_row('td', row) for row in rows)}</table>"

    def _table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """A row a variant: size, accuracy (of labels that are not equally common also the balanced one, and the worst
        label), how far it is from its source and, where that was measured, how long it takes.
        """
        variants = self.record.variants
        uneven = by_label.are_uneven(variants)
        timed = any(model.latency is not None for model in self.values())
        beside = by_label.HEADER if uneven else ()
        last = ("p50 ms",) if timed else ()
        header = ("variant", "size", "accuracy", *beside, "agreement", "largest error", "mean error", *last)
        rows = [
            (
                row.variant,
                text.size(row.file_bytes),
                text.accuracy(row.top1, row.interval, row.n),
                *(by_label.cells(row) if uneven else ()),
                text.percent(row.agreement),
                _error(row, row.largest_error),
                _error(row, row.mean_error),
                *((text.milliseconds(self._latency(row)),) if timed else ()),
            )
            for row in variants
        ]
        return header, rows

    def _latency(self, row: ExportedVariant) -> float | None:
        model = self.get(row.variant)
        return model.latency if model else None


def _row(tag: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{html.escape(cell)}</{tag}>' for cell in cells)}</tr>"


def _note(made: Export) -> str:
    first = made.variants[0]
    if first.split == "cross-validation":
        return (
            f"compared with {made.reference} on the training images, through device; accuracy:"
            " cross-validated, each image by a head that has not seen it"
        )
    note = f"compared with {made.reference} on the {first.split} images, through device"
    if first.split == "calibration":
        note += f"; these {first.n} calibrated it: --test DIR shows what it does on others"
    return note


def _error(row: ExportedVariant, value: float | None) -> str:
    if row.agreement is None:  # it could not be run
        return "-"
    return "not finite" if value is None else f"{value:.2g}"
