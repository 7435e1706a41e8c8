"""Content hashes: they identify an image file wherever it is."""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from device.host import system

BLOCK_BYTES = 1 << 20
FILES_AT_ONCE = 64


def content_hash(data: bytes) -> str:
    """SHA-256 of a file's bytes (for named data, of the pixels), in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def hash_files(paths: Sequence[Path]) -> Iterator[str]:
    """The content hashes of files, in order, on all cores; "" for one that can't be read.

    Memory is constant: one block of one file per core, however large or many the files are.
    """
    portions = [paths[start : start + FILES_AT_ONCE] for start in range(0, len(paths), FILES_AT_ONCE)]
    with ThreadPoolExecutor(system.usable_cores()) as pool:
        for hashes in pool.map(lambda portion: [file_hash(path) for path in portion], portions):
            yield from hashes


def file_hash(path: Path) -> str:
    """The content hash of a file; "" if it can't be read, which is reported when it is decoded."""
    digest = hashlib.sha256()
    try:
        with path.open("rb", buffering=0) as file:
            while block := file.read(BLOCK_BYTES):
                digest.update(block)
    except OSError:
        return ""
    return digest.hexdigest()
