"""A small data set drawn by code: circles, squares and triangles. Learnable by a 10 KB network, needs no download."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from device.images import images

LABELS = ("circle", "square", "triangle")
COLORS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


def shape(label: str, random: np.random.Generator, size: tuple[int, int] = (24, 30)) -> npt.NDArray[np.uint8]:
    """One RGB image (height, width) with a shape of a random color, place and size on a random background."""
    height, width = size
    background = random.integers(0, 100, 3)
    image = np.clip(background + random.integers(-10, 10, (height, width, 3)), 0, 255).astype(np.uint8)
    color = tuple(int(part) for part in random.integers(140, 256, 3))
    radius = int(random.integers(min(size) // 5, min(size) // 3))
    x, y = width // 2 + int(random.integers(-2, 3)), height // 2 + int(random.integers(-2, 3))
    if label == "circle":
        cv2.circle(image, (x, y), radius, color, -1)
    elif label == "square":
        cv2.rectangle(image, (x - radius, y - radius), (x + radius, y + radius), color, -1)
    else:
        corners = np.array([[x, y - radius], [x - radius, y + radius], [x + radius, y + radius]])
        cv2.fillPoly(image, [corners], color)
    return image


def shapes(count: int, seed: int, size: tuple[int, int] = (24, 30)) -> list[tuple[str, npt.NDArray[np.uint8]]]:
    """`count` labeled images, as many of each label as can be."""
    random = np.random.default_rng(seed)
    return [(LABELS[i % 3], shape(LABELS[i % 3], random, size)) for i in range(count)]


def write_folder(root: Path, splits: dict[str | None, int], seed: int = 1, size: tuple[int, int] = (24, 30)) -> Path:
    """Class folders of PNG files: splits {"train": 60, "test": 30}, or {None: 90} for a folder of one level."""
    for number, (split, count) in enumerate(splits.items()):
        for i, (label, image) in enumerate(shapes(count, seed + number, size)):
            folder = root / split / label if split else root / label
            folder.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / f"{i:04}.png"), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    return root


def colored(root: Path, *names: str) -> Path:
    """Images of one color: label/color.png is shown as that color, whatever its label says; no two are the same."""
    for i, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        color = np.full((4, 4 + i, 3), COLORS[path.stem.rstrip("0123456789")], np.uint8)
        path.write_bytes(images.encode_png(color))
    return root
