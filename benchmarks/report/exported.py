"""What export left in a run folder, as the page shows it: its record, and the contact sheets beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report import rows
from device.evaluation import exports
from device.evaluation.cost import ContactSheet
from device.evaluation.exports import Export

FOLDER = "export"
# Of a sheet of forty photographs there are less than two.
MOST_BYTES = 16_000_000
# What export draws beside its record, where there is reason to.
DRAWN = {
    exports.EXPLAINED_IMAGE: "Images that int8 predicts wrongly: what speaks for its label and for the right one",
    exports.ROBUSTNESS_IMAGE: "Accuracy of float32 and int8 on images with a camera's faults, by severity",
}


@dataclass(frozen=True)
class Sheet:
    """A contact sheet's bytes (PNG) of `count` tiles. side: of a tile's image, in pixels; below it are its words."""

    png: bytes
    columns: int
    count: int
    side: int
    height: int

    def corner(self, place: int) -> tuple[int, int]:
        """(left, top) of a tile."""
        row, column = divmod(place, self.columns)
        return column * self.side, row * self.height


@dataclass(frozen=True)
class DrawnImage:
    """A PNG that is shown as it is, with what it shows."""

    png: bytes
    shows: str

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return _size(self.png)


@dataclass(frozen=True)
class ExportedRun:
    """sheets: by variant, where the file is there and whole. images: what else export drew."""

    name: str
    folder: Path
    record: Export
    sheets: dict[str, Sheet]
    images: tuple[DrawnImage, ...]


def has(run: Path) -> bool:
    return (run / FOLDER / exports.NAME).is_file()


def read(paths: Sequence[Path]) -> list[ExportedRun]:
    """Of each run folder that has an export. UserError for an export.json that is damaged or of another version."""
    runs = list({path.resolve(): path for path in paths if path.is_dir() and has(path)}.values())
    names = rows.unique([rows.printable(path.resolve().name) for path in runs])
    return [_run(name, path) for name, path in zip(names, runs, strict=True)]


def _run(name: str, folder: Path) -> ExportedRun:
    record = rows.printable(exports.read(folder / FOLDER))
    told = {row.variant: row.cost.sheet for row in record.rows if row.cost and row.cost.sheet}
    sheets = {variant: sheet for variant, one in told.items() if (sheet := _sheet(folder / FOLDER, one))}
    drawn = {shows: _png(folder / FOLDER / file) for file, shows in DRAWN.items()}
    images = tuple(DrawnImage(png, shows) for shows, png in drawn.items() if png and min(_size(png)) > 0)
    return ExportedRun(name, folder, record, sheets, images)


def _sheet(folder: Path, told: ContactSheet) -> Sheet | None:
    """None for what isn't there, or is no PNG of as many tiles."""
    png = _png(folder / Path(told.file).name)
    if png is None or min(told.columns, told.count) < 1:
        return None
    width, height = _size(png)
    lines = -(-told.count // told.columns)
    side, tile_height = width // told.columns, height // lines
    return Sheet(png, told.columns, told.count, side, tile_height) if 0 < side <= tile_height else None


def _png(path: Path) -> bytes | None:
    """None for what isn't there, is too large, or is no PNG."""
    try:
        with path.open("rb") as file:
            png = file.read(MOST_BYTES + 1)
    except OSError:
        return None
    return png if len(png) <= MOST_BYTES and png[:8] == b"\x89PNG\r\n\x1a\n" else None


def _size(png: bytes) -> tuple[int, int]:
    """(width, height), as the PNG's first chunk has them."""
    width, height = (int.from_bytes(png[at : at + 4], "big") for at in (16, 20))
    return width, height
