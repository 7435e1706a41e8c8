"""A PNG of wrongly predicted images, each with the maps of the predicted and of the right label."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from device import files
from device.data.folders import Labeled
from device.errors import UserError
from device.evaluation import batching
from device.explain import overlay
from device.explain.explainer import Explainer
from device.explain.explanation import Explanation
from device.images import images
from device.images.images import Pixels

# At most so many wrong predictions are shown, and so many images are classified to find them.
MOST, LOOKED_AT = 20, 2000
SIDE, COLUMNS = 168, 3


def write(
    model: Path, data: Labeled, path: Path, seed: int = 1, progress: Callable[[int], Any] = lambda count: None
) -> int:
    """Writes the sheet and returns the number of images on it.

    Removes an older sheet if there is no wrong prediction, or if the network can't be explained. The seed draws the
    images that are classified.
    """
    try:
        shown = wrong(Explainer(model), data, seed, progress)
    except UserError:  # such as NoPooledHeadError: the sheet is no reason to end an export
        shown = []
    if shown:
        files.write_bytes(path, images.encode_png(drawn(shown)))
    else:
        path.unlink(missing_ok=True)
    return len(shown)


def wrong(explainer: Explainer, data: Labeled, seed: int, progress: Callable[[int], Any]) -> list[Explanation]:
    """At most MOST wrong predictions, each with the map of the right label as its second."""
    found: list[Explanation] = []
    classifier = explainer.classifier
    for i in np.random.default_rng(seed).permutation(len(data))[:LOOKED_AT]:
        image, target = data.image(int(i)), int(data.targets[i])
        if int(classifier.classify(image).scores.argmax()) != target:
            found.append(explainer(image, data.labels[target]))
        progress(1)
        if len(found) == MOST:
            break
    batching.let_go(data.sources)
    return found


def drawn(shown: list[Explanation]) -> Pixels:
    """The sheet, uint8 RGB, in rows of COLUMNS."""
    tiles = [overlay.drawn(each, SIDE, _captions(each)) for each in shown]
    columns = min(COLUMNS, len(tiles))
    height, width = tiles[0].shape[0] + 2 * overlay.GAP, tiles[0].shape[1] + 4 * overlay.GAP
    sheet = np.full((-(-len(tiles) // columns) * height, columns * width, 3), overlay.DARK, np.uint8)
    for place, tile in enumerate(tiles):
        top, left = place // columns * height + overlay.GAP, place % columns * width + 2 * overlay.GAP
        sheet[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return sheet


def _captions(wrong: Explanation) -> list[str]:
    predicted, right = map(overlay.caption, wrong.maps)
    return [f"predicted {predicted}", f"right {right}"]
