"""Draws an explanation: the image as the network sees it, and beside it each label's map as heat over it."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from device import text
from device.explain.explanation import Explanation, LabelMap
from device.images import images
from device.images.images import Pixels

# The shorter side of a tile, in pixels, approximately.
SIDE = 320
GAP, CAPTION, LINE = 8, 24, 16
FONT, SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.42
WHITE, DARK = (255, 255, 255), (30, 30, 30)
# The share of heat in the color of the hottest place; the coldest place has none.
HEAT = 0.65


def drawn(explanation: Explanation, side: int = SIDE, captions: Sequence[str] = ()) -> Pixels:
    """The drawing, uint8 RGB. side: a tile's shorter side; captions: of the maps (default: label and score)."""
    image = at_size(explanation.image, side)
    tiles = [_tile(image, "the image")]
    for i, each in enumerate(explanation.maps):
        words = captions[i] if i < len(captions) else caption(each)
        tiles.append(_tile(_heated(image, each.shares), words))
    gap = np.full((tiles[0].shape[0], GAP, 3), DARK, np.uint8)
    return np.hstack([part for tile in tiles for part in (gap, tile)][1:])


def caption(shown: LabelMap) -> str:
    return f"{shown.label} {shown.score:.2f}"


def at_size(image: Pixels, side: int) -> Pixels:
    """A small image enlarged by a whole number, so that its pixels show; a large one reduced."""
    height, width = image.shape[:2]
    shorter = min(height, width)
    if shorter < side:
        times = -(-side // shorter)
        return image.repeat(times, axis=0).repeat(times, axis=1)
    if shorter >= 1.25 * side:
        return images.resize(image, (round(height * side / shorter), round(width * side / shorter)))
    return image


def _heated(image: Pixels, shares: npt.NDArray[np.float32]) -> Pixels:
    """Scales each map to its own range: the color shows where a label has the most support, not how much."""
    small = np.repeat(np.round(255 * shares).astype(np.uint8)[:, :, None], 3, axis=2)
    heat = images.resize(small, (image.shape[0], image.shape[1]))
    color = cv2.cvtColor(cv2.applyColorMap(heat[:, :, 0], cv2.COLORMAP_TURBO), cv2.COLOR_BGR2RGB)
    weight = HEAT * heat[:, :, :1].astype(np.float32) / 255
    mixed: Pixels = np.round(image * (1 - weight) + color * weight).astype(np.uint8)
    return mixed


def _tile(image: Pixels, words: str) -> Pixels:
    width = image.shape[1]
    strip = np.full((CAPTION, width, 3), DARK, np.uint8)
    cv2.putText(strip, _fitting(text.visible(words), width - 8), (4, LINE), FONT, SCALE, WHITE, 1, cv2.LINE_AA)
    return np.vstack([image, strip])


def _fitting(words: str, width: int) -> str:
    """As much of the text as fits, from its beginning."""
    most = len(words)
    while most > 1 and cv2.getTextSize(words[:most], FONT, SCALE, 1)[0][0] > width:
        most -= 1
    return words if most == len(words) else f"{words[: max(1, most - 2)]}.."
