"""The rescue of one export: its images, the search, and its messages."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from device import command
from device.errors import UserError
from export.card import cards
from export.checks import fidelity
from export.conversion import pixels
from export.rescue.build import Builder
from export.rescue.judge import Judge
from export.rescue.search import Found, Tried, search
from export.source import unseen
from export.source.sources import ExportSource

# More validation images make a search longer, and hardly surer.
MOST_IMAGES = 5000
LEAST_IMAGES = 50


@dataclass(frozen=True)
class Rescued:
    """unlike: where the chosen file isn't the float network, its deliberate changes apart."""

    found: Found
    unlike: tuple[str, ...]


def check(source: ExportSource) -> None:
    """UserError if there are too few images to judge a rescue."""
    if (count := len(source.validation.images)) < LEAST_IMAGES:
        raise UserError(
            f"{source.model}: {count} images are left to judge a rescue by, neither calibration nor test, and"
            f" {LEAST_IMAGES} are needed at least; give more, or calibrate with fewer: --calibration-samples N"
        )


def rescue(source: ExportSource, float32: bytes, max_drop: float, scratch: Path) -> Rescued:
    """float32: the bare network."""
    validation = source.validation.drawn(MOST_IMAGES, source.calibration.seed)
    on = f"{len(validation.images)} images ({validation.images.split})"
    command.say(f"rescue: judged on {on}; at most {_points(max_drop)} may be lost …")
    more = [source.more.image(place) for place in range(len(source.more))]
    calibration = np.concatenate([source.calibration.images, np.stack(more)]) if more else source.calibration.images
    builder = _builder(source, float32, calibration)
    judge = Judge(float32, validation, cards.of(source, "int8"), scratch)
    found = search(builder, judge, max_drop, lambda one: command.say(f"  {line(one)}"))
    return Rescued(found, tuple(_unlike(builder, found, source)))


def equalized(source: ExportSource, float32: bytes) -> bytes:
    """The float network, its channels equalized, that a search makes its files of; float32: the bare network."""
    return _builder(source, float32, source.calibration.images).float32(is_equalized=True)


def _builder(source: ExportSource, float32: bytes, images: npt.NDArray[np.uint8]) -> Builder:
    """images: the plain calibration images, and perhaps more behind them."""
    known, plain = pixels.ranges(float32, source.input), len(source.calibration.images)
    fed, features = pixels.fed(source.input), _features(source, float32)
    return Builder(float32, images, plain, fed, source.output, known, features)


def _features(source: ExportSource, float32: bytes) -> tuple[str, ...]:
    """The tensors that other heads than the file's own are asked about: their channels have to stay as they are."""
    return (unseen.features_name(float32),) if source.held_out.heads else ()


def _unlike(builder: Builder, found: Found, source: ExportSource) -> list[str]:
    """As every variant is held against float32; clipped ranges and corrected biases are meant, so a twin without."""
    means = found.chosen.means.without_deliberate_changes
    float32 = builder.float32(means.equalized)
    taken = fidelity.taken(float32, builder.plain_inputs())
    return fidelity.faults(float32, builder.build(means), pixels.ends(pixels.fed(source.input)), taken)


def _points(share: float) -> str:
    return f"{100 * share:g} points"


def line(one: Tried) -> str:
    """A line about a file that was tried."""
    if one.latency is None:
        return f"{one.means.name}: the interpreter can't load it"
    low, high = one.paired.interval
    drop = f"{100 * one.paired.drop:.2f} points ({100 * low:.2f} to {100 * high:.2f})"
    return f"{one.means.name}: loses {drop}, {one.latency.ratio:.2f} of plain int8's latency"
