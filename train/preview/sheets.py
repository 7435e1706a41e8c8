"""The images of preview: variants of an image, training images by class, feature maps. Needs no display."""

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from device import command
from device.data.folders import Cache
from device.images.images import Pixels
from train.data.augment import Augmenter, ranges
from train.data.streams import Purpose, generator
from train.recipes.fields import size_text
from train.recipes.recipe import Recipe
from train.run import plots

VARIANTS = 8
IMAGES_A_CLASS = 10
# Nobody reads more rows than this in one figure.
MAX_CLASSES = 20
MAX_MAPS = 64
CHANNELS = 16  # of a layer
WIDTH_INCHES = 13
GAP = 0.06  # between tiles, which are 1 wide
LEGEND = "every channel from its lowest value (dark) to its highest (bright); all dark: the same value everywhere"
CAPTION = 0.45  # room above a row for its caption

Values = npt.NDArray[np.float32]


def augmented(recipe: Recipe, image: Pixels) -> Pixels:
    """Eight images [8, height, width, 3] from the recipe's augmentation of one, with the recipe's seed."""
    same = np.repeat(image[None], VARIANTS, axis=0)
    return Augmenter(recipe.augmentation).augment(same, generator(Purpose.VARIANTS, recipe.seed))


def variants(recipe: Recipe, image: Pixels, name: str, path: Path) -> None:
    """Writes a PNG with the image at the network's size, 8 variants of it, and the ranges they are drawn from."""
    in_use = ranges(replace(recipe.augmentation, mixup=0.0))  # which blends images, and isn't drawn
    if not in_use:
        command.say(f"note: {recipe.name} has no augmentation: the variants equal the original (give ranges by --set)")
    if recipe.augmentation.mixup:
        command.say("note: mixup, which blends images of a batch with one another, is not drawn")
    tall = max(0.4, _ratio(image[None]))
    figure, axes = plt.subplots(3, 3, figsize=(8, 8 * tall + 1.6), layout="constrained")
    titles = ["original", *(f"variant {i}" for i in range(1, VARIANTS + 1))]
    for axis, shown, title in zip(axes.flat, [image, *augmented(recipe, image)], titles, strict=True):
        axis.imshow(shown, interpolation="nearest")
        axis.set(xticks=[], yticks=[])
        first = title == "original"
        axis.set_title(title, fontsize=11, weight="bold" if first else "normal", color=plots.BLUE if first else "black")
        axis.spines[:].set(color=plots.BLUE, linewidth=3 if first else 0)
    size = size_text(recipe.data.image_size)
    figure.suptitle(f"{recipe.name}: what training sees of {_plain(name, 40)} at {size}", fontsize=14)
    caption = f"drawn by the seed {recipe.seed} from: {'  '.join(in_use)}" if in_use else "no augmentation"
    caption += "; of the colors the network takes the brightness alone" if recipe.network.grayscale else ""
    figure.supxlabel(textwrap.fill(caption, 92, break_on_hyphens=False), fontsize=10)
    plots.save(figure, path)


def classes(data: Cache, seed: int, path: Path) -> None:
    """Writes a PNG with ten random training images of each class, with its label and number of images."""
    targets, images = data.targets("train"), data.images("train")
    shown = data.labels[:MAX_CLASSES]
    left_out = len(data.labels) - len(shown)
    if left_out:
        command.say(f"note: the first {MAX_CLASSES} of {len(data.labels)} classes are drawn, {left_out} are left out")
    ratio = _ratio(images)
    pitch = max(ratio, 0.5) + GAP  # a label of two lines needs its room beside a flat image
    figure, axis = _sheet(left=1.6, columns=IMAGES_A_CLASS, height=len(shown) * pitch)
    random = generator(Purpose.SHOWN, seed)
    for row, label in enumerate(shown):
        mine = np.flatnonzero(targets == row)
        chosen = np.sort(random.permutation(mine)[:IMAGES_A_CLASS])
        _tiles(axis, images[chosen], row * pitch, ratio)
        what = f"{_plain(label, 20)}\n{len(mine):,}"
        axis.text(-2 * GAP, row * pitch + ratio / 2, what, ha="right", va="center")
    title = f"{_plain(data.name, 40)}: {len(targets):,} training images, {len(data.labels)} classes"
    title += f", {size_text(data.size)}" + (f"; {left_out} classes are left out" if left_out else "")
    axis.set_title(title, fontsize=13)
    plots.save(figure, path)


def feature_maps(maps: Sequence[tuple[str, Values]], image: Pixels, title: str, path: Path) -> None:
    """Writes a PNG with the image, then one row per layer: its first 16 channels, each stretched to its own range.

    maps: a layer's caption and values [height, width, channels]; for a global pooling [channels], all drawn.
    """
    if len(maps) > MAX_MAPS:
        command.say(f"note: the maps of the first {MAX_MAPS} layers are drawn, {len(maps) - MAX_MAPS} are left out")
    maps = maps[:MAX_MAPS]
    whole = 2 * _ratio(image[None])
    tops = np.cumsum([whole, *(_height(values) + CAPTION for _, values in maps)])
    figure, axis = _sheet(left=0, columns=CHANNELS, height=tops[-1])
    _tile(axis, image, 0, 0, 2, whole)
    axis.text(2 + 2 * GAP, whole / 2, textwrap.fill(_plain(title, 160), 90), va="bottom", fontsize=14)
    axis.text(2 + 2 * GAP, whole / 2 + GAP, LEGEND, va="top")
    for top, (what, values) in zip(tops, maps, strict=False):
        axis.text(0, top + CAPTION - GAP, _plain(what, 120), va="bottom")
        if values.ndim == 1:
            _tile(axis, _colored(values[None]), 0, top + CAPTION, CHANNELS * (1 + GAP) - GAP, _height(values))
        else:
            shown = [_colored(channel) for channel in np.moveaxis(values[..., :CHANNELS], -1, 0)]
            _tiles(axis, shown, top + CAPTION, _height(values))
    plots.save(figure, path)


def _plain(words: str, length: int) -> str:
    """The beginning of a text for matplotlib; a file name may not be UTF-8."""
    return plots.plain(words.encode(errors="replace").decode(), length)


def _ratio(images: npt.NDArray[Any]) -> float:
    """Height to width of [n, height, width, …], limited to what fits on a sheet; beyond that, tiles are distorted."""
    return float(np.clip(images.shape[1] / images.shape[2], 0.1, 4))


def _height(values: Values) -> float:
    """The height of a layer's tiles, which are 1 wide; a global pooling is one strip."""
    return 0.5 if values.ndim == 1 else _ratio(values[None])


def _colored(values: Values) -> Pixels:
    """[height, width] numbers as RGB, from the lowest (dark) to the highest (bright); dark if all are equal."""
    span = float(np.ptp(values))
    shares = (values - values.min()) / span if span else np.zeros_like(values)
    return np.asarray(matplotlib.colormaps["viridis"](shares, bytes=True)[..., :3], np.uint8)


def _sheet(left: float, columns: int, height: float) -> tuple[Figure, plt.Axes]:
    """An empty figure for rows of tiles 1 wide; y points down, `left` is room for labels."""
    width = left + columns * (1 + GAP)
    figure, axis = plt.subplots(figsize=(WIDTH_INCHES, WIDTH_INCHES / width * height + 0.6), layout="constrained")
    axis.set_axis_off()
    axis.set(xlim=(-left, width - left), ylim=(height + GAP, -GAP), aspect="equal", autoscale_on=False)
    return figure, axis


def _tiles(axis: plt.Axes, shown: Iterable[Pixels], top: float, height: float) -> None:
    """Draws images side by side, each 1 wide at any resolution."""
    for column, image in enumerate(shown):
        _tile(axis, image, column * (1 + GAP), top, 1, height)


def _tile(axis: plt.Axes, image: Pixels, left: float, top: float, width: float, height: float) -> None:
    axis.imshow(image, extent=(left, left + width, top + height, top), interpolation="nearest")
