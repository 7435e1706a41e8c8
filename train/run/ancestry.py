"""What the networks that a run starts from, or learns from, have seen: their training images may be in its test split.

With another seed, or a larger folder, the split differs; images that an older run was trained on are then in the test
split, and its accuracy measures memorization. Images are compared by content hash (train/data/cache.py).
"""

import glob
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from device import command
from device.data import folders
from device.data.folders import Cache
from device.errors import UserError
from train.run.runs import checksum, model_in, record_of


@dataclass(frozen=True)
class Ancestry:
    """The test images that no earlier network of a run has seen.

    rows: their rows in the test split; None: all. unknown: networks that may have seen some of them, because their
    training images, or those of a network before them, are unknown here. data: the fingerprints of what the others were
    trained on, without the run's own; who measures the exported files later leaves those images out by them
    (device/data/folders.py).
    """

    rows: npt.NDArray[np.int64] | None = None
    unknown: tuple[str, ...] = ()
    data: tuple[str, ...] = ()


def of(cache: Cache, ancestors: list[Path]) -> Ancestry:
    """Leaves out the images that the ancestors, and theirs, were trained or validated on, and reports their number and
    unknown ancestors in notes. UserError if none are left.

    ancestors: .keras files; the run.json in their folder names their data.
    """
    if not ancestors:
        return Ancestry()
    by_hash, unknown, data = dict[str, Path](), list[str](), dict[str, None]()
    for path in ancestors:
        fingerprints = list(_fingerprints(path, set()))
        data.update(dict.fromkeys(each for each in fingerprints if each and each != cache.fingerprint))
        known = [folders.training_hashes(fingerprint) for fingerprint in fingerprints]
        if not all(known):
            command.say(f"note: {path}: its training images are unknown here; it may have seen test images")
            unknown.append(str(path))
        for hashes in known:
            by_hash.update(dict.fromkeys(hashes, path))
    every = cache.hashes("test")
    rows = np.flatnonzero([digest not in by_hash for digest in every])
    seen = Counter(by_hash[digest] for digest in every if digest in by_hash)
    counts = " and ".join(f"{count} are among those that {path}" for path, count in seen.items())
    if not len(rows):
        raise UserError(
            f"{cache.name}: of {len(every)} test images {counts} was trained on, so none is left; expected others: give"
            " the seed and the folder of that run, or a folder with a test/ of its own"
        )
    if seen:
        command.say(f"note: {cache.name}: of {len(every)} test images {counts} was trained on; left out of the test")
    return Ancestry(rows if seen else None, tuple(unknown), tuple(data))


def _fingerprints(model: Path, visited: set[Path]) -> Iterator[str | None]:
    """The data fingerprints of a model's run and of the runs it started or learned from; None: unknown."""
    visited.add(model)
    record = record_of(model)
    yield record.data.fingerprint if record else None
    for named in (record.begun_with, record.teacher) if record else ():
        if named is None:
            continue
        older = _found(model_in(Path(named.path)), named.sha256)
        if older is None:
            yield None
        elif older not in visited:  # a run.json may name itself
            yield from _fingerprints(older, visited)


def _found(path: Path, digest: str | None) -> Path | None:
    """The model that was at a path when a run started from it; it may have been moved aside since
    (train/run/run_folder.py).
    """
    folder = path.parent.parent if path.parent.name == "checkpoint" else path.parent
    aside = sorted(folder.parent.glob(f"{glob.escape(folder.name)}.*"))
    places = [path, *(other / path.relative_to(folder) for other in aside)]
    return next((place for place in places if place.is_file() and digest in (None, checksum(place))), None)
