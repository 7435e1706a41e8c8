"""index.json of an image cache: what lies in its arrays, row by row. Written by train/data/cache.py, read by all."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from device import records
from device.model.card import Fit
from device.records import RecordError

NAME = "index.json"
SCHEMA = 1
SPLITS = ("train", "test")  # of a cache; validation images are rows of train


@dataclass(frozen=True)
class CachedSplit:
    """Of each row of an array the index of its label, the content hash of its file, and where it came from."""

    targets: tuple[int, ...]
    hashes: tuple[str, ...]
    origins: tuple[str, ...]

    def __post_init__(self) -> None:
        counts = len(self.targets), len(self.hashes), len(self.origins)
        if len(set(counts)) > 1:
            raise RecordError(f"a split has {counts} targets, hashes and origins, expected as many of each")


@dataclass(frozen=True)
class SplitSettings:
    """How a folder of one level was split: the share of the test, drawn by the seed."""

    test: float
    seed: int


@dataclass(frozen=True)
class CopyCounts:
    """How many images are copies. All but `repeated` are left out."""

    under_two_labels: int
    across: int  # in an earlier part too
    repeated_in_test: int
    repeated: int  # in train or validation


@dataclass(frozen=True)
class CacheIndex:
    """fingerprint: of labels and images, with their split. height, width: of every image, in pixels.

    origin: the folder, or where a data set by name came from. skipped: why an image couldn't be read, of each of them.
    copies: None for a data set by name, which is taken as it is published. validation_rows: the rows of train.npy that
    a folder's own validation/ gave; None where none was there.
    """

    name: str
    fingerprint: str
    labels: tuple[str, ...]
    height: int
    width: int
    fit: Fit
    origin: str
    split: SplitSettings
    skipped: tuple[str, ...]
    splits: Mapping[str, CachedSplit]
    copies: CopyCounts | None = field(default=None, metadata=records.IF_KNOWN)
    validation_rows: tuple[int, ...] | None = field(default=None, metadata=records.IF_KNOWN)

    def __post_init__(self) -> None:
        if missing := sorted(set(SPLITS) - set(self.splits)):
            raise RecordError(f"splits lacks the field {missing[0]!r}")


def read(path: Path) -> CacheIndex:
    """Of the cache in a folder. OSError and ValueError where there is none that is whole: it is written last.

    UserError for one of another version.
    """
    todo = "remove that folder to have it made again, or choose another place for the cache with FRAMELITE_CACHE=DIR"
    return records.read(CacheIndex, path / NAME, SCHEMA, todo)


def write(path: Path, index: CacheIndex) -> None:
    records.write(path / NAME, index, SCHEMA)
