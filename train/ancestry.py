"""What the networks that a run begins with, or learns from, have seen: their training images may be its test's.

Another seed, or a folder that has grown, draws another split; what an older run was trained on then lies in the test,
and the figure says how well it was learned by heart.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from device import command, folders
from device.errors import UserError
from device.folders import Cache
from train.runs import model_in, record_of

MOST_GENERATIONS = 20  # a run.json may name itself


def unseen_test_rows(cache: Cache, ancestors: list[Path]) -> npt.NDArray[np.int64]:
    """The rows of the test that no ancestor, and none of theirs, was trained or validated on; a note where that is not
    all, or can't be told. UserError where none is left.

    ancestors: .keras files, known by the run.json of the folder they lie in.
    """
    seen: set[str] = set()
    for path in ancestors:
        fingerprints = list(_fingerprints(path, MOST_GENERATIONS))
        known = [folders.training_hashes(fingerprint) for fingerprint in fingerprints if fingerprint]
        if not known or not all(known) or None in fingerprints:
            command.say(f"note: {path}: what it was trained on isn't known here; it may have seen test images")
        seen.update(*known)
    hashes = cache.hashes("test")
    rows = np.flatnonzero([digest not in seen for digest in hashes])
    if not len(rows):
        raise UserError(
            f"{cache.name}: every test image is among those that {ancestors[0]} was trained on; expected others: give"
            " the seed and the folder of that run, or a folder with a test/ of its own"
        )
    if left := len(hashes) - len(rows):
        command.say(
            f"note: {cache.name}: {left} of {len(hashes)} test images are among those that {ancestors[0]} was trained"
            " on; left out of the test"
        )
    return rows


def _fingerprints(model: Path, generations: int) -> Iterator[str | None]:
    """Of the data of the run that a model lies in, and of those that it began with; None where one isn't known."""
    document = record_of(model)
    yield (document.get("data") or {}).get("fingerprint")
    for key in ("from", "teacher"):
        path = (document.get(key) or {}).get("path")
        if not path or not generations:
            continue
        older = model_in(Path(path))
        if older.is_file():
            yield from _fingerprints(older, generations - 1)
        else:
            yield None
