"""index.json of an image cache: what is in its arrays, row by row. Written by train/data/cache.py."""

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
    """For each row of an array: the index of its label, the content hash of its file, and its origin."""

    targets: tuple[int, ...]
    hashes: tuple[str, ...]
    origins: tuple[str, ...]

    def __post_init__(self) -> None:
        counts = len(self.targets), len(self.hashes), len(self.origins)
        if len(set(counts)) > 1:
            raise RecordError(f"a split has {counts} targets, hashes and origins, expected as many of each")


@dataclass(frozen=True)
class SplitSettings:
    """How a folder without splits was split: the share of the test, and the seed that drew it."""

    test: float
    seed: int


@dataclass(frozen=True)
class CopyCounts:
    """How many images are copies. All but those of `repeated` are left out."""

    under_two_labels: int
    across: int  # also in an earlier split
    repeated_in_test: int
    repeated: int  # in train or validation


@dataclass(frozen=True)
class CacheIndex:
    """fingerprint: of labels, images and splits. height, width: of every image, in pixels.

    origin: the folder, or where a data set by name came from. skipped: for each unreadable image, why. copies: None for
    a data set by name, which is used as published. validation_rows: the rows of train.npy that come from the folder's
    own validation/; None if it has none.
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
    """Reads the index of the cache in a folder. OSError or ValueError if the cache is missing or unfinished.

    UserError if it has another version.
    """
    todo = "remove that folder to have it made again, or choose another place for the cache with FRAMELITE_CACHE=DIR"
    return records.read(CacheIndex, path / NAME, SCHEMA, todo)


def write(path: Path, index: CacheIndex) -> None:
    records.write(path / NAME, index, SCHEMA)
