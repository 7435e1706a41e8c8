"""Whether two machines make the same bytes of the same images: the image path, and the resizes that it isn't.

    python -m experiments.resize_bytes [--save FILE]     the SHA-256 of every result, as JSON; keeps the results
    python -m experiments.resize_bytes --against FILE    how many bytes differ from a run kept elsewhere, as JSON

Inputs are drawn with integer arithmetic alone and asserted by hash, so a difference comes from decoding or resizing.
A case is three images (rings, noise, a smooth scene) of one size brought to one target by one method; sizes in its
name are width x height. The path itself takes every fit; the other methods of experiments/resize.py crop alone.
results/drawn.jpg is draw((375, 500))[2] as images.encode_jpeg(…, 60) wrote it once: encoders aren't compared.
results/resize_bytes.json compares x86 with the emulated arm64 board of experiments/emulated_board.sh.
"""

import argparse
import hashlib
import json
import struct
import sys
import zlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
import numpy.typing as npt

from device import files
from device.images import images
from device.images.images import Pixels, Size
from device.model.card import Fit
from experiments.resize import METHODS, OURS, machine

JPEG = Path(__file__).parent / "results" / "drawn.jpg"
TARGETS = (224, 128, 96, 64, 32, 28)
SHRUNK: tuple[Size, ...] = ((720, 1280), (480, 640), (375, 500), (500, 375), (500, 333), (80, 100))
ENLARGED: Size = (15, 20)
# Of draw(size), and of the JPEG file: the first twelve digits of their SHA-256.
INPUTS: dict[Size, str] = {
    (720, 1280): "a2595e417f14",
    (480, 640): "7c1bd86231c6",
    (375, 500): "56e038b15efa",
    (500, 375): "1e672774f2f3",
    (500, 333): "a61d28ce5e35",
    (80, 100): "9e00bbb2e931",
    (15, 20): "21f658a92c54",
}
JPEG_HASH = "06c1e4f988b1"

Results = dict[str, npt.NDArray[np.uint8]]
Numbers = npt.NDArray[np.int64]


def draw(size: Size) -> npt.NDArray[np.uint8]:
    """Rings, noise and a smooth scene with edges, 3 x height x width x 3, the same on every processor."""
    rows, columns, colors = np.ogrid[: size[0], : size[1], :3]
    squared = (2 * rows - size[0]) ** 2 + (2 * columns - size[1]) ** 2
    phase = (squared * 64 // min(size) + 100 * colors) % 512
    rings = np.minimum(phase, 511 - phase)
    noise = _hash(rows, columns, colors)
    scene = (2 * _smooth(rows, columns, colors, 64) + _smooth(rows, columns, colors, 16) + noise // 16) * 16 // 49
    scene = np.where((rows + 2 * columns) % 97 < 3, 255 - scene, scene)
    return np.stack([np.broadcast_to(image, (*size, 3)) for image in (rings, noise, scene)]).astype(np.uint8)


def _hash(*numbers: Numbers) -> Numbers:
    """0..255 for every place: multiplications modulo 2**32, as in FNV-1a."""
    mixed: Numbers = np.array(2166136261, np.int64)
    for number in numbers:
        mixed = ((mixed ^ number) * 16777619) & 0xFFFFFFFF
        mixed = mixed ^ (mixed >> 15)
    return (mixed >> 7) & 255


def _smooth(rows: Numbers, columns: Numbers, colors: Numbers, cell: int) -> Numbers:
    """Values between random corners `cell` pixels apart."""
    row, column, down, right = rows // cell, columns // cell, rows % cell, columns % cell
    upper = _hash(row, column, colors) * (cell - right) + _hash(row, column + 1, colors) * right
    lower = _hash(row + 1, column, colors) * (cell - right) + _hash(row + 1, column + 1, colors) * right
    return np.floor_divide(upper * (cell - down) + lower * down, cell * cell)


def png(image: Pixels) -> bytes:
    """An RGB PNG without OpenCV's encoder: every row unfiltered."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        """A PNG's chunk with its checksum."""
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = image.shape[:2]
    rows = b"".join(b"\0" + row.tobytes() for row in image)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def check(what: object, data: bytes, expected: str) -> None:
    """Ends the script where an input isn't what it is everywhere. expected: 12 digits of its SHA-256."""
    got = hashlib.sha256(data).hexdigest()[:12]
    if got != expected:
        raise SystemExit(f"input {what} has the hash {got}, expected {expected}: its bytes aren't those of other runs")


def cases() -> Iterator[tuple[str, npt.NDArray[np.uint8]]]:
    """Every case's name and result."""
    jpeg = JPEG.read_bytes()
    check(JPEG.name, jpeg, JPEG_HASH)
    yield "decode JPEG", images.decode(jpeg)
    for size in (*SHRUNK, ENLARGED):
        drawn = draw(size)
        check(size, drawn.tobytes(), INPUTS[size])
        source = f"{size[1]}x{size[0]}"
        yield f"decode PNG {source}", np.stack([images.decode(png(image)) for image in drawn])
        for target in TARGETS if size != ENLARGED else (224, 32):
            for fit in get_args(Fit):
                name = f"{OURS}: {source} {fit} {target}"
                yield name, np.stack([images.preprocess(image, (target, target), fit) for image in drawn])
            # The others are ways to shrink.
            for method in METHODS if target < min(size) else ():
                if method != OURS:
                    name = f"{method}: {source} crop {target}"
                    yield name, np.stack([METHODS[method](image, (target, target)) for image in drawn])


def hashes(results: Results) -> list[dict[str, Any]]:
    """The SHA-256 of every result's bytes."""
    return [{"case": case, "sha256": hashlib.sha256(result.tobytes()).hexdigest()} for case, result in results.items()]


def differences(ours: Results, theirs: Results) -> list[dict[str, Any]]:
    """For every case how many bytes differ, and by how much at most."""
    if ours.keys() != theirs.keys():
        raise SystemExit(f"cases of one run alone: {sorted(ours.keys() ^ theirs.keys())}, expected the same script's")
    rows: list[dict[str, Any]] = []
    for case, result in ours.items():
        apart = cv2.absdiff(result.reshape(-1), theirs[case].reshape(-1))
        counts = {"bytes": result.size, "differ": int(np.count_nonzero(apart)), "max_difference": int(apart.max())}
        rows.append({"case": case, **counts})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.resize_bytes", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--save", type=Path, metavar="FILE", help="keep the results' bytes, as .npz")
    parser.add_argument("--against", type=Path, metavar="FILE", help="compare with the .npz of another run")
    parser.add_argument("--json", default="-", metavar="FILE", help="where the JSON goes (default: stdout)")
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    results: Results = dict(cases())
    machines, command = [machine()], "python -m experiments.resize_bytes"
    if chosen.save:
        kept: dict[str, Any] = {"machine": np.array(json.dumps(machines[0])), **results}
        with files.replacing(chosen.save) as temporary:
            np.savez_compressed(temporary, **kept)
    if chosen.against:
        with np.load(chosen.against) as other:
            theirs = {case: other[case] for case in other.files if case != "machine"}
            machines.append(json.loads(str(other["machine"])))
        command += f" --against {chosen.against.name}"
        rows = differences(results, theirs)
        differ = sum(row["differ"] > 0 for row in rows)
        print(f"{differ} of {len(rows)} cases differ", file=sys.stderr)
    else:
        rows = hashes(results)
    document = {"schema": 1, "machines": machines, "command": command, "date": date.today().isoformat()}
    files.deliver_json({**document, "results": rows}, chosen.json)


if __name__ == "__main__":
    main()
