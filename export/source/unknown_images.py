"""Images of unknown things, of none of the classes: they show what a network says of what it doesn't know."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from device import command
from device.data import content
from device.data.walk import EXPECTED, Walk
from device.errors import UserError
from export.source.request import ExportRequest

# More take longer, and hardly make a share surer.
MOST = 500


@dataclass(frozen=True)
class UnknownImages:
    """Each different image once, at most MOST, in an order drawn by the seed and their content.

    sha256: of what they are, and of the order.
    """

    folder: Path
    paths: tuple[Path, ...]
    sha256: str

    def halves(self) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
        """Two parts without a common image: the same ones wherever the files lie."""
        half = (len(self.paths) + 1) // 2
        return self.paths[:half], self.paths[half:]


def find(folder: Path, seed: int, known: frozenset[str]) -> UnknownImages:
    """known: content hashes of training and calibration images, which are left out."""
    if not folder.is_dir():
        raise UserError(
            f"{folder}: there is no such folder, expected images of none of the classes in it; give one to --unknown"
        )
    walk = Walk(folder)
    paths = list(walk)
    if walk.passed_over:
        command.say(f"note: {folder}: passed over: {walk.passed_over.describe()}")
    different = dict(zip(content.hash_files(paths), paths, strict=True))
    if count := len(different.keys() & known):
        command.say(f"note: {folder}: {count} images are training or calibration images too and are left out")
    left = sorted(different.keys() - known, key=lambda one: content.content_hash(f"{seed} {one}".encode()))[:MOST]
    if not left:
        raise UserError(f"{folder}: no images of unknown things in it; {EXPECTED}, and that show none of the classes")
    digest = hashlib.sha256("\n".join(left).encode()).hexdigest()
    return UnknownImages(folder, tuple(different[one] for one in left), digest)


def of(request: ExportRequest, known: Iterable[str]) -> UnknownImages | None:
    """Those that an export is to know, where there are any."""
    return find(request.unknown, request.seed, frozenset(known)) if request.unknown else None
