"""Damaged model files and images: what a bad disk, a broken copy or an unkind hand makes of a sound one.

The mutant of (kind, seed, index) is the same whenever it is made.
"""

import random
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from device.model import card as cards
from device.model.tables import BUFFERS, Table
from experiments.record import ROOT

# What numbers in a file become: ends of ranges, and what is taken for a sign or a length.
ODD = (0, 1, 2, 3, 4, 127, 128, 255, 256, 65535, 65536, 2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**32 - 2)
# Longer buffers hold weights: a change there changes an answer, seldom more.
WEIGHTS_BYTES = 64
MOST_CUT = 64


@dataclass(frozen=True)
class Original:
    """A sound file, and the positions in it that are most worth changing (all of them where that isn't known)."""

    name: str
    data: bytes
    places: tuple[int, ...]


def models() -> list[Original]:
    """The committed networks, with their cards and without."""
    found = []
    for path in sorted((ROOT / "tests/models").glob("*.tflite")):
        whole, bare = path.read_bytes(), cards.network_bytes(path)
        places = structure(bare)
        found += [Original(path.stem, whole, places), Original(f"{path.stem} without card", bare, places)]
    return found


def structure(model: bytes) -> tuple[int, ...]:
    """The positions of a .tflite that are not weights."""
    root = Table(model, int(struct.unpack_from("<I", model)[0]))
    left = bytearray(b"\1" * len(model))
    for buffer in root.tables(BUFFERS):
        start, count = buffer.vector(0, 1)
        if count > WEIGHTS_BYTES:
            left[start : start + count] = bytes(count)
    return tuple(position for position, kept in enumerate(left) if kept)


def images() -> list[Original]:
    """One drawn image in every format and mode that the tests draw."""
    from tests.device import image_files

    tables = (value for value in vars(image_files).values() if isinstance(value, Mapping))
    files = {name: data for table in tables for name, data in table.items() if isinstance(data, bytes)}
    # Headers come first in most formats, and pixels are many.
    return [Original(name, data, tuple(range(min(len(data), 512)))) for name, data in sorted(files.items())]


def mutant(originals: list[Original], kind: str, seed: int, index: int) -> tuple[str, bytes]:
    """(the name of the file it was made from, its bytes)."""
    dice = random.Random(f"{kind} {seed} {index}")
    original = originals[index % len(originals)]
    data = bytearray(original.data)
    for _ in range(dice.choice((1, 1, 1, 2, 3, 8))):
        change = dice.choice((_bits, _byte, _byte, _number, _number, _number, _cut, _copy))
        change(data, original.places, dice)
    return original.name, bytes(data)


def _place(data: bytearray, places: tuple[int, ...], dice: random.Random) -> int:
    """Three times of four where the file says how it is to be read."""
    position = dice.choice(places) if dice.random() < 0.75 else dice.randrange(len(data) or 1)
    return min(position, max(0, len(data) - 1))


def _bits(data: bytearray, places: tuple[int, ...], dice: random.Random) -> None:
    if data:
        data[_place(data, places, dice)] ^= 1 << dice.randrange(8)


def _byte(data: bytearray, places: tuple[int, ...], dice: random.Random) -> None:
    if data:
        data[_place(data, places, dice)] = dice.randrange(256)


def _number(data: bytearray, places: tuple[int, ...], dice: random.Random) -> None:
    """Four aligned bytes, as both formats' lengths and offsets lie."""
    position = _place(data, places, dice) & ~3
    value = dice.choice(ODD) if dice.random() < 0.7 else dice.randrange(2**32)
    number = value.to_bytes(4, dice.choice(("little", "little", "big")))
    data[position : position + 4] = number[: len(data) - position]


def _cut(data: bytearray, places: tuple[int, ...], dice: random.Random) -> None:
    """A piece is lost, or all from somewhere on."""
    position = _place(data, places, dice)
    del data[position : position + dice.randrange(1, MOST_CUT) if dice.random() < 0.8 else len(data)]


def _copy(data: bytearray, places: tuple[int, ...], dice: random.Random) -> None:
    """A piece of the file over another piece."""
    position, source = _place(data, places, dice), _place(data, places, dice)
    piece = data[source : source + dice.randrange(1, MOST_CUT)]
    data[position : position + len(piece)] = piece[: len(data) - position]
