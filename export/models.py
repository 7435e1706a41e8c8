"""The result of an export: its files, with accuracy, size and latency, and why a variant was not kept."""

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from device.data import benchmark_record
from device.evaluation import cost_table
from device.evaluation.exports import Export, ExportedVariant
from export.cost import limit
from export.robustness import report as robustness_report


@dataclass(frozen=True)
class ExportedModel:
    """A variant's file.

    size: in bytes. accuracy: the share of test images with the right label, 0 to 1, with its 95 % interval; None
    without labels. agreement: the share of images with the same label as the source. latency: the median time of an
    inference in ms, from `benchmarks latency` if it measured this file, else export's own short measurement on one
    thread.
    """

    variant: str
    path: Path
    size: int
    accuracy: float | None
    interval: tuple[float, float] | None
    agreement: float | None
    latency: float | None


class ExportedModels(Mapping[str, ExportedModel]):
    """A mapping of the kept files by variant: models["int8"].path. Shows as a table when printed or in a notebook.

    If int8 was rescued, models["int8"] is the rescued file.

    folder: the folder with the files and export.json. record: export.json. is_new: False if the files were up to date.
    """

    def __init__(self, folder: Path, record: Export, is_new: bool) -> None:
        self.folder, self.record, self.is_new = folder, record, is_new
        timed = benchmark_record.latencies(folder.parent)
        self._models = {
            plain.variant: ExportedModel(
                plain.variant,
                folder / row.file,
                row.file_bytes or 0,
                row.top1,
                row.interval,
                row.agreement,
                timed.get(row.sha256 or "") or _own_latency(row),
            )
            for plain, row in zip(record.variants, record.standing, strict=True)
            if row.file
        }

    @property
    def refused(self) -> dict[str, tuple[str, ...]]:
        """The reasons why a requested variant was not kept, by variant."""
        return {row.variant: row.failures for row in self.record.variants if row.variant not in self._models}

    def __getitem__(self, variant: str) -> ExportedModel:
        """KeyError, with the reason, for a variant that was not kept or not requested."""
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

    def within(self, max_drop: float) -> bool | None:
        """Whether every variant certainly loses at most this share of float32's accuracy (0.005: half a point).

        False if one certainly loses more; None if the test images are too few to tell.
        """
        return limit.is_within(limit.of_export(self.record, max_drop))

    def lines(self) -> list[str]:
        """The table as text, what changed, and how it was measured."""
        robust = ["", *robustness_report.lines(self.record.robustness)] if self.record.robustness else []
        return [*cost_table.lines(self.record, self.folder.parent), *robust]

    def _repr_html_(self) -> str:
        return "".join(_html(*table) for table in cost_table.tables(self.record, self.folder.parent))


def _own_latency(row: ExportedVariant) -> float | None:
    return row.cost.latency.milliseconds if row.cost and row.cost.latency else None


def _html(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return f"<table>{_row('th', header)}{''.join(_row('td', row) for row in rows)}</table>"


def _row(tag: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{html.escape(cell)}</{tag}>' for cell in cells)}</tr>"
