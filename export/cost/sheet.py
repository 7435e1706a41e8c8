"""A contact sheet of the images that a variant predicts differently from float32."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from device.data.folders import Labeled
from device.evaluation.cost import ContactSheet, Flip
from device.images import images
from device.images.images import Pixels

MOST, COLUMNS = 40, 8
# Pixels of a tile: its image is a square, and below it are three lines.
SIDE, TEXT, LINE = 144, 58, 18
# Letters that fit a tile's width.
LETTERS = 24


def draw(flips: Sequence[Flip], variant: str, labeled: Labeled, folder: Path) -> ContactSheet | None:
    """Writes folder/flips_VARIANT.png; if no image flipped, removes an older one and returns None."""
    path = folder / f"flips_{variant}.png"
    shown = flips[:MOST]
    if not shown:
        path.unlink(missing_ok=True)
        return None
    columns = min(COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    canvas = np.full((rows * (SIDE + TEXT), columns * SIDE, 3), 255, np.uint8)
    for place, flip in enumerate(shown):
        top, left = _corner(place, columns)
        tile = thumbnail(labeled.image(flip.image))
        canvas[top : top + SIDE, left : left + SIDE] = tile
    _write(canvas, [_words(flip, variant) for flip in shown], columns, path)
    return ContactSheet(path.name, columns, len(shown))


def _corner(place: int, columns: int) -> tuple[int, int]:
    row, column = divmod(place, columns)
    return row * (SIDE + TEXT), column * SIDE


def thumbnail(image: Pixels) -> Pixels:
    """The whole image on a white tile of SIDE x SIDE; a small image's pixels are repeated, so that they stay sharp."""
    most = SIDE - 8
    longest = max(image.shape[:2])
    if longest > most:
        height, width = (max(1, round(side * most / longest)) for side in image.shape[:2])
        image = images.resize(image, (height, width))
    else:
        image = image.repeat(most // longest, axis=0).repeat(most // longest, axis=1)
    tile = np.full((SIDE, SIDE, 3), 255, np.uint8)
    height, width = image.shape[:2]
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    tile[top : top + height, left : left + width] = image
    return tile


def _words(flip: Flip, variant: str) -> list[str]:
    """The lines below an image: the true label, and the predictions."""
    predicted = (("float32", flip.float32), (variant, flip.variant))
    return [
        flip.kind if flip.label is None else f"{flip.kind}: {flip.label}",
        *(f"{name} {one.score:.2f} {one.label}" for name, one in predicted),
    ]


def _write(canvas: Pixels, words: Sequence[Sequence[str]], columns: int, path: Path) -> None:
    from matplotlib.figure import Figure  # here: who needs no image needs no matplotlib

    from device.images import figures

    height, width = canvas.shape[:2]
    figure = Figure(figsize=(width / 100, height / 100), dpi=100)
    figure.figimage(canvas)
    for place, lines in enumerate(words):
        top, left = _corner(place, columns)
        for number, line in enumerate(lines):
            x, y = (left + 6) / width, 1 - (top + SIDE + LINE * number) / height
            short = line if len(line) <= LETTERS else f"{line[: LETTERS - 1]}…"
            figure.text(x, y, short, va="top", fontsize=7, weight="normal" if number else "bold", parse_math=False)
    figures.write(figure, path, dpi=100)
