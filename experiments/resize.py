"""Measures ways of shrinking a camera frame: time and error against one cv2 INTER_AREA, on drawn and real images.

    python -m experiments.resize [--images PHOTOGRAPH...]

Five ways, from the center square of a 1280x720 frame to 224 and to 32 pixels, each on every image, in random order
in one process on one thread: only the ratios of times taken in one run mean something on a machine that does other
things too. Errors are absolute differences of bytes (0..255) against one INTER_AREA resize of the same square.

Writes experiments/results/resize.json, and two sheets to look at: docs/images/resize_zone_plate.png and
docs/images/resize_fine_text.png. Whether processors agree is measured elsewhere, in experiments/resize_bytes.py.
"""

import argparse
import os
import platform
import random
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np

from device import files
from device.images import images
from device.images.images import Pixels, Size

RESULTS = Path(__file__).parent / "results" / "resize.json"
IMAGES = Path(__file__).parent.parent / "docs" / "images"
FRAME: Size = (720, 1280)
TARGETS = (224, 32)
SCRATCH = images.Scratch()
WARM_UP = 5  # rounds that aren't counted: the first ones fault memory in
REFERENCE, OURS = "INTER_AREA", "halvings, then INTER_LINEAR_EXACT (ours)"


def resized(image: Pixels, size: Size, interpolation: int) -> Pixels:
    """size: (height, width); interpolation: one of OpenCV's."""
    return cast(Pixels, cv2.resize(image, size[::-1], interpolation=interpolation))


def area(frame: Pixels, size: Size) -> Pixels:
    """One INTER_AREA from the center square: what the others are compared with."""
    return resized(images.crop(frame, size), size, cv2.INTER_AREA)


def linear(frame: Pixels, size: Size) -> Pixels:
    """One INTER_LINEAR, which skips pixels where an image shrinks to less than half."""
    return resized(images.crop(frame, size), size, cv2.INTER_LINEAR)


def linear_then_area(frame: Pixels, size: Size) -> Pixels:
    """INTER_LINEAR to twice the target (four times under 64 pixels) where that shrinks, then INTER_AREA."""
    part = images.crop(frame, size)
    factor = 4 if min(size) < 64 else 2
    if min(part.shape[:2]) > factor * min(size):
        part = resized(part, (factor * size[0], factor * size[1]), cv2.INTER_LINEAR)
    return resized(part, size, cv2.INTER_AREA)


def halvings_then_area(frame: Pixels, size: Size) -> Pixels:
    """INTER_AREA to a half while both sides are at least twice the target, then to the target: ours until 0.1."""
    part = images.crop(frame, size)
    height, width = part.shape[:2]
    while height >= 2 * size[0] and width >= 2 * size[1]:
        height, width = height // 2, width // 2
        part = resized(part, (height, width), cv2.INTER_AREA)
    return resized(part, size, cv2.INTER_AREA)


def ours(frame: Pixels, size: Size) -> Pixels:
    """The image path, with memory that is kept as a stream of frames has it: the next result replaces this one."""
    return images.preprocess(frame, size, "crop", SCRATCH)


METHODS: dict[str, Callable[[Pixels, Size], Pixels]] = {
    REFERENCE: area,
    "INTER_LINEAR": linear,
    "INTER_LINEAR to 2x (4x under 64), then INTER_AREA": linear_then_area,
    "halvings, then INTER_AREA": halvings_then_area,
    OURS: ours,
}


def zone_plate() -> Pixels:
    """Rings around the center, ever finer: two pixels a ring at the edge of the center square, the finest there is."""
    rows, columns = np.ogrid[: FRAME[0], : FRAME[1]]
    half = FRAME[0] / 2
    squared = (rows - half) ** 2 + (columns - FRAME[1] / 2) ** 2
    # The frequency grows with the radius; outside the square it stays gray, or it would alias in the frame itself.
    waves = np.where(squared < half**2, np.cos(np.pi * squared / (2 * half)), 0)
    return np.repeat(np.rint(127.5 + 127.5 * waves)[..., None], 3, axis=2).astype(np.uint8)


def fine_text() -> Pixels:
    """A page of small type: black on white, colored on white and white on color."""
    page = np.full((*FRAME, 3), 255, np.uint8)
    page[467:600], page[600:] = (20, 60, 140), (150, 20, 30)
    colors = [(0, 0, 0)] * 24 + [(200, 0, 0), (0, 130, 0), (0, 0, 200), (160, 0, 160)] * 2 + [(255, 255, 255)] * 40
    baseline = 4
    for line, color in enumerate(colors):
        scale = (0.3, 0.35, 0.4, 0.5)[line % 4]
        baseline += round(38 * scale)
        words = f"{line:02} what is small has to stay what it is: thin strokes, 0123456789, iiillllmmmm |||| ==== //// "
        cv2.putText(page, words * 3, (3 * line % 11, baseline), cv2.FONT_HERSHEY_SIMPLEX, scale, color, 1, cv2.LINE_AA)
    return page


def scene() -> Pixels:
    """Like a photograph: seeded smooth noise at several sizes, a few hard-edged shapes, a little grain."""
    source = np.random.default_rng(1)
    values = np.full((*FRAME, 3), 128.0, np.float32)
    for cell, strength in ((256, 60), (64, 30), (16, 14), (4, 6)):
        coarse = source.normal(0, strength, (FRAME[0] // cell + 2, FRAME[1] // cell + 2, 3)).astype(np.float32)
        values += cv2.resize(coarse, FRAME[::-1], interpolation=cv2.INTER_CUBIC)
    for _ in range(40):
        x, y, side = (int(number) for number in source.integers((0, 0, 8), (FRAME[1], FRAME[0], 160)))
        color = tuple(int(number) for number in source.integers(0, 256, 3))
        if side % 2:
            cv2.circle(values, (x, y), side // 2, color, -1, cv2.LINE_AA)
        else:
            cv2.line(values, (x, y), (x + side, y - side // 3), color, 1 + side // 20, cv2.LINE_AA)
    return np.clip(np.rint(values + source.normal(0, 3, values.shape)), 0, 255).astype(np.uint8)


def frames(photographs: list[Path]) -> dict[str, Pixels]:
    """Every frame by name; photographs are brought to the frame's size by the image path itself."""
    drawn = {"zone plate": zone_plate(), "fine text": fine_text(), "drawn scene": scene()}
    real = {path.name: images.preprocess(images.read(path), FRAME) for path in photographs}
    return {name: np.ascontiguousarray(frame) for name, frame in (drawn | real).items()}


def sample(shown: dict[str, Pixels], samples: int) -> dict[tuple[str, int, str], list[float]]:
    """Times in ms of each (method, target, image), one call at a time, in another order every round."""
    cells = [(method, target, name) for name in shown for target in TARGETS for method in METHODS]
    times: dict[tuple[str, int, str], list[float]] = {cell: [] for cell in cells}
    order = random.Random(1)
    for round_number in range(samples + WARM_UP):
        order.shuffle(cells)
        for cell in cells:
            method, target, name = cell
            begin = time.perf_counter_ns()
            METHODS[method](shown[name], (target, target))
            spent = (time.perf_counter_ns() - begin) / 1e6
            if round_number >= WARM_UP:
                times[cell].append(spent)
    return times


def measure(shown: dict[str, Pixels], samples: int) -> list[dict[str, Any]]:
    """A row for each (method, target, image)."""
    times = sample(shown, samples)
    p50_ms = {cell: float(np.median(spent)) for cell, spent in times.items()}
    rows = []
    for method, target, name in times:
        size = (target, target)
        error = cv2.absdiff(METHODS[method](shown[name], size), METHODS[REFERENCE](shown[name], size))
        rows.append(
            {
                "method": method,
                "target": target,
                "image": name,
                "p50_ms": round(p50_ms[method, target, name], 4),
                "n": samples,
                "ratio_to_area": round(p50_ms[method, target, name] / p50_ms[REFERENCE, target, name], 4),
                "mean_abs_error": round(float(error.mean()), 3),
                "max_abs_error": int(error.max()),
            }
        )
    return rows


def sheet(frame: Pixels) -> Pixels:
    """A column a method: to 224 pixels as it is, below to 32 pixels, each pixel drawn as a square of 7."""
    columns = []
    for title, method in METHODS.items():
        column = np.full((40 + 224 + 8 + 224 + 8, 240, 3), 255, np.uint8)
        for line, words in enumerate(title.replace(", then", ",\nthen").splitlines()):
            cv2.putText(column, words, (8, 16 + 17 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
        column[40:264, 8:232] = method(frame, (224, 224))
        column[272:496, 8:232] = method(frame, (32, 32)).repeat(7, axis=0).repeat(7, axis=1)
        columns.append(column)
    return np.hstack(columns)


def write_sheet(frame: Pixels, path: Path) -> None:
    """A PNG of the frame made small in every way, side by side."""
    colors = cv2.cvtColor(sheet(frame), cv2.COLOR_RGB2BGR)
    # Half of what OpenCV's own choice takes: these lie in the repository.
    smallest = [cv2.IMWRITE_PNG_COMPRESSION, 9, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_DEFAULT]
    files.write_bytes(path, bytes(cv2.imencode(".png", colors, smallest)[1]))


def machine() -> dict[str, Any]:
    """What a result was made on. Under qemu (experiments/emulated_board.sh) the processor is the one that it plays."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model"))]
    emulated = os.environ.get("QEMU_CPU")
    return {
        "cpu": f"emulated {emulated}" if emulated else (models or [platform.processor() or "unknown"])[0],
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "opencv": cv2.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m experiments.resize", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", nargs="+", type=Path, default=[], metavar="FILE", help="photographs to add")
    parser.add_argument("--samples", type=int, default=300, metavar="N", help="times each way is timed (default 300)")
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    shown = frames(chosen.images)
    rows = measure(shown, chosen.samples)
    command = ["python -m experiments.resize", *(["--images"] if chosen.images else [])]
    command += [path.name for path in chosen.images]
    document = {"schema": 1, "machine": machine(), "command": " ".join(command), "date": date.today().isoformat()}
    files.write_json(RESULTS, {**document, "results": rows})
    for name in ("zone plate", "fine text"):
        write_sheet(shown[name], IMAGES / f"resize_{name.replace(' ', '_')}.png")
    for row in rows:
        print(
            "{method:50} {target:3} {image:18} {p50_ms:6.3f} {ratio_to_area:5.3f} {mean_abs_error:5.2f}".format(**row)
        )


if __name__ == "__main__":
    main()
