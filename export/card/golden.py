"""Chooses and encodes the golden images of a file's archive. What is recorded of them:
device/inference/golden.py."""

import json
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from device.images import images
from device.images.images import Pixels
from device.inference.golden import MANY_LABELS

COUNT = 5
PNG_UP_TO = 64  # pixels a side; larger ones are JPEG
TAIL_BYTES, TAIL_BYTES_MANY_LABELS = 32_000, 128_000
# What the archive takes beside labels, scores and images; and a score's line in card.json.
OVERHEAD_BYTES, SCORE_BYTES = 5_000, 16
SMALLEST = 32  # pixels a side below which an image isn't halved any more


@dataclass(frozen=True)
class Set:
    """The encoded images by their name in the archive, and their source."""

    files: dict[str, bytes]
    source: Literal["test", "calibration", "drawn"]


def choose(
    candidates: npt.NDArray[np.uint8],
    source: Literal["test", "calibration", "drawn"],
    labels: tuple[str, ...],
    seed: int,
) -> Set:
    """Five of the candidate images, drawn by the seed, encoded to fit the archive."""
    rows = np.random.default_rng(seed).permutation(len(candidates))[:COUNT]
    return Set(encode([np.asarray(candidates[row]) for row in rows], labels), source)


def encode(chosen: list[Pixels], labels: tuple[str, ...]) -> dict[str, bytes]:
    """PNG up to 64 pixels where that fits the archive, else JPEG of the best quality that does."""
    room = _room(labels)
    if max(max(image.shape[:2]) for image in chosen) <= PNG_UP_TO:
        encoded = [images.encode_png(image) for image in chosen]
        if sum(map(len, encoded)) <= room:
            return {f"golden_{i}.png": data for i, data in enumerate(encoded, 1)}
    return {f"golden_{i}.jpg": _jpeg(image, room // len(chosen)) for i, image in enumerate(chosen, 1)}


def _room(labels: tuple[str, ...]) -> int:
    """The archive's bytes left for images. It has the labels twice, and up to 100 of them with their scores."""
    many = len(labels) > MANY_LABELS
    names = sum(2 * len(json.dumps(label, ensure_ascii=False).encode()) + 4 for label in labels)
    scores = 0 if many else COUNT * SCORE_BYTES * len(labels)
    return (TAIL_BYTES_MANY_LABELS if many else TAIL_BYTES) - OVERHEAD_BYTES - names - scores


def _jpeg(image: Pixels, room: int) -> bytes:
    """The best JPEG quality that fits; if none does, halves the image, down to sides of 32 pixels."""
    while True:
        for quality in (95, 90, 80, 70, 60, 50, 40, 30):
            data = images.encode_jpeg(image, quality)
            if len(data) <= room:
                return data
        if max(image.shape[:2]) <= SMALLEST:
            return data  # the labels alone fill the archive
        image = images.resize(image, (max(1, image.shape[0] // 2), max(1, image.shape[1] // 2)))


def drawn(size: tuple[int, int], labels: tuple[str, ...], seed: int) -> Set:
    """Five drawn images for a model that is committed: no data set's images go into a repository.

    Larger than the input and not of its shape where they fit the archive, so that crop and resize are exercised too.
    """
    random = np.random.default_rng(seed)
    height, width = (
        max(side, min(PNG_UP_TO, round(side * factor))) for side, factor in zip(size, (1.7, 2.2), strict=True)
    )
    return Set(encode([_draw(random, height, width) for _ in range(COUNT)], labels), "drawn")


def _draw(random: np.random.Generator, height: int, width: int) -> Pixels:
    image = np.full((height, width, 3), random.integers(40, 216, 3), np.uint8)
    for _ in range(4):
        color = tuple(int(part) for part in random.integers(0, 256, 3))
        x, y = int(random.integers(0, width)), int(random.integers(0, height))
        radius = int(random.integers(3, max(4, min(height, width) // 3)))
        if random.random() < 0.5:
            cv2.circle(image, (x, y), radius, color, -1)
        else:
            cv2.rectangle(image, (x, y), (x + 2 * radius, y + radius), color, -1)
    return image
