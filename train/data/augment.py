"""Augmentation: changes every training image slightly each time it is used.

The changes have the names and the units of Keras' ImageDataGenerator, which the course chapter uses
(https://keras.io/2.18/api/preprocessing/image): rotation and shear in degrees, shifts as shares of the side, zoom per
axis (above 1: more of the scene), brightness as a factor. Rotation, shifts, shear, zoom and flip are one matrix and one
warp an image; beyond the edge it repeats the nearest pixel. Then come changes of light, and a camera's effects: blur
and JPEG.

All random numbers come from the given generator, drawn for a whole batch at once.
"""

from dataclasses import dataclass, fields
from typing import get_type_hints

import cv2
import numpy as np
import numpy.typing as npt

from device.declared import text
from device.images import images as codec
from device.places import is_folder
from train.recipes.augmentation import NONE, Augmentation
from train.recipes.recipe import Recipe

Images = npt.NDArray[np.uint8]
Matrices = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Augmenter:
    """Augments batches of images with random numbers from the ranges; except mixup (train/data/batches.py)."""

    ranges: Augmentation

    def augment(self, images: Images, random: np.random.Generator) -> Images:
        """Augmented copies [n, height, width, 3] of the images."""
        count = len(images)
        changed = self._warped(images, random)
        if self.ranges.random_erasing:
            self._erase(changed, random)
        if self._changes_light:
            tables = self._light_tables(count, random)
            for image, table in zip(changed, tables, strict=True):
                cv2.LUT(image, table, dst=image)
        if self.ranges.camera_noise:
            for i in np.flatnonzero(random.random(count) < self.ranges.camera_noise):
                changed[i] = self._through_camera(changed[i], random)
        return changed

    @property
    def _changes_light(self) -> bool:
        ranges = self.ranges
        return ranges.brightness_range != (1.0, 1.0) or ranges.contrast_range != (1.0, 1.0)

    @property
    def _only_shifts(self) -> bool:
        ranges = self.ranges
        return not ranges.rotation_range and not ranges.shear_range and ranges.zoom_range == (1.0, 1.0)

    @property
    def _warps(self) -> bool:
        return not self._only_shifts or bool(self.ranges.width_shift_range or self.ranges.height_shift_range)

    def _warped(self, images: Images, random: np.random.Generator) -> Images:
        mirrored = random.random(len(images)) < (0.5 if self.ranges.horizontal_flip else 0.0)
        if not self._warps:
            changed = images.copy()
            if self.ranges.horizontal_flip:
                changed[mirrored] = changed[mirrored, :, ::-1]
            return changed
        height, width = images.shape[1:3]
        matrices = self.matrices(len(images), (height, width), random)
        matrices[mirrored] = matrices[mirrored] @ mirror(width)
        # Shifts by whole pixels need no interpolation, which would blur a small image.
        how = cv2.WARP_INVERSE_MAP | (cv2.INTER_NEAREST if self._only_shifts else cv2.INTER_LINEAR)
        changed = np.empty_like(images)
        for image, matrix, into in zip(images, matrices[:, :2], changed, strict=True):
            cv2.warpAffine(image, matrix, (width, height), into, how, cv2.BORDER_REPLICATE)
        return changed

    def matrices(self, count: int, size: tuple[int, int], random: np.random.Generator) -> Matrices:
        """count x 3 x 3: from a pixel (x, y, 1) of the new image to its place in the old one.

        Rotation, then shift, shear and zoom around the center, multiplied in Keras' order.
        """
        (height, width), ranges = size, self.ranges
        theta = np.deg2rad(random.uniform(-ranges.rotation_range, ranges.rotation_range, count))
        shear = np.deg2rad(random.uniform(-ranges.shear_range, ranges.shear_range, count))
        shift_x = random.uniform(-ranges.width_shift_range, ranges.width_shift_range, count) * width
        shift_y = random.uniform(-ranges.height_shift_range, ranges.height_shift_range, count) * height
        zoom_x, zoom_y = random.uniform(*ranges.zoom_range, (2, count))
        if self._only_shifts:
            shift_x, shift_y = np.rint(shift_x), np.rint(shift_y)
        none, one = np.zeros(count), np.ones(count)
        rotate = _stack((np.cos(theta), -np.sin(theta), none), (np.sin(theta), np.cos(theta), none))
        shift = _stack((one, none, shift_x), (none, one, shift_y))
        slant = _stack((one, -np.sin(shear), none), (none, np.cos(shear), none))
        zoom = _stack((zoom_x, none, none), (none, zoom_y, none))
        to_center = np.array([[1, 0, -(width - 1) / 2], [0, 1, -(height - 1) / 2], [0, 0, 1]])
        back = np.array([[1, 0, (width - 1) / 2], [0, 1, (height - 1) / 2], [0, 0, 1]])
        return np.asarray(back @ rotate @ shift @ slant @ zoom @ to_center)

    def _erase(self, images: Images, random: np.random.Generator) -> None:
        """A rectangle of 2 to 25 % of the image becomes one random color (https://arxiv.org/abs/1708.04896)."""
        height, width = images.shape[1:3]
        for i in np.flatnonzero(random.random(len(images)) < self.ranges.random_erasing):
            area, ratio = random.uniform(0.02, 0.25), np.exp(random.uniform(-1, 1))
            tall = min(height, max(1, round(height * np.sqrt(area * ratio))))
            wide = min(width, max(1, round(width * np.sqrt(area / ratio))))
            top, left = random.integers(height - tall + 1), random.integers(width - wide + 1)
            images[i, top : top + tall, left : left + wide] = random.integers(0, 256, 3)

    def _light_tables(self, count: int, random: np.random.Generator) -> Images:
        """count x 256: the new value of each pixel value."""
        brightness = random.uniform(*self.ranges.brightness_range, (count, 1))
        contrast = random.uniform(*self.ranges.contrast_range, (count, 1))
        values = ((np.arange(256) - 127.5) * contrast + 127.5) * brightness
        return np.clip(np.rint(values), 0, 255).astype(np.uint8)

    def _through_camera(self, image: Images, random: np.random.Generator) -> Images:
        """Blurred, then saved as JPEG and read again, each to a random degree."""
        blur, least = self.ranges.blur, self.ranges.jpeg_quality
        if blur and (sigma := random.uniform(0, blur)) > 0.1:
            image = np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)
        if least < 100:
            quality = int(random.integers(least, 96)) if least < 96 else least
            image = codec.through_jpeg(image, quality)
        return image


def ranges(wanted: Augmentation) -> list[str]:
    """The fields with an effect, as --set takes them; empty if none has."""
    unused = set() if wanted.camera_noise else {"blur", "jpeg_quality"}  # only used with camera noise
    if not wanted.blur and wanted.jpeg_quality == 100:
        unused.add("camera_noise")
    values = {each.name: getattr(wanted, each.name) for each in fields(wanted) if each.name not in unused}
    return [
        f"{name}={text(value, get_type_hints(Augmentation)[name])}"
        for name, value in values.items()
        if value != getattr(NONE, name)
    ]


def describe(recipe: Recipe) -> str:
    """One line on the augmentation, as --set takes it.

    A head learns from features of unchanged images, so its augmentation applies only to fine-tuning. If a user's folder
    isn't mirrored, the line says how to enable it.
    """
    found = ranges(recipe.augmentation)
    tunes = bool(recipe.training.fine_tune_epochs)
    if recipe.training.trains_head:
        found = [f"none for the head, in fine-tuning {', '.join(found)}"] if found and tunes else []
    if recipe.network.flip_average:
        found.append("the saved network averages an image and its mirror image")
    line = f"augmentation: {', '.join(found) or 'none'}"
    can_flip = not recipe.training.trains_head or tunes
    if can_flip and not recipe.augmentation.horizontal_flip and is_folder(recipe.data.source):
        line += " (no flips: left and right may differ; --set horizontal_flip=true mirrors half of the images)"
    return line


def _stack(*rows: tuple[npt.NDArray[np.float64], ...]) -> Matrices:
    """Two rows of three columns, each an array over the batch -> [n, 3, 3] with a last row of 0 0 1."""
    matrices = np.zeros((len(rows[0][0]), 3, 3))
    matrices[:, 2, 2] = 1
    for i, row in enumerate(rows):
        for j, values in enumerate(row):
            matrices[:, i, j] = values
    return matrices


def mirror(width: int) -> npt.NDArray[np.float64]:
    """The matrix that swaps left and right."""
    return np.array([[-1.0, 0, width - 1], [0, 1, 0], [0, 0, 1]])
