"""What an image file is recognized by wherever it lies: a hash of its bytes."""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from device.host import system

BLOCK_BYTES = 1 << 20
FILES_AT_ONCE = 64


def content_hash(data: bytes) -> str:
    """SHA-256 of a file's bytes (of the pixels, in named data), in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def hash_files(paths: Sequence[Path]) -> Iterator[str]:
    """The content hash of each file, in order, on all cores; "" for one that can't be read.

    Memory is flat: a block of one file a core, however large the files are and however many there are.
    """
    portions = [paths[start : start + FILES_AT_ONCE] for start in range(0, len(paths), FILES_AT_ONCE)]
    with ThreadPoolExecutor(system.usable_cores()) as pool:
        for hashes in pool.map(lambda portion: [file_hash(path) for path in portion], portions):
            yield from hashes


def file_hash(path: Path) -> str:
    """The content hash of a file; "" for one that can't be read, which is named when it is decoded."""
    digest = hashlib.sha256()
    try:
        with path.open("rb", buffering=0) as file:
            while block := file.read(BLOCK_BYTES):
                digest.update(block)
    except OSError:
        return ""
    return digest.hexdigest()
