"""`--scaling auto`: the scaling that labeled images speak for, and no answer where they speak for none."""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from device.data.folders import Labeled
from device.errors import CannotTellError, UserError
from device.images import images
from device.model import card as cards
from device.model import channels
from device.model.card import InputSpec
from device.model.channels import SCALINGS
from export.card import metadata
from export.source import scaling
from tests.conftest import Run
from tests.device import crafted
from tests.device.crafted import End
from tests.export.drawn_networks import Drawn

SIZE = (3, 3)
# Dull colors, so that a wrong contrast, a wrong brightness and a wrong order all show.
COLORS = {"dark": (60,) * 3, "gray": (120,) * 3, "light": (180,) * 3, "red": (170, 120, 70), "blue": (70, 120, 170)}
LABELS = tuple(COLORS)


def network(name: str) -> bytes:
    """The nearest of the colors (the greatest of 2 c x - c c), by the mean of a patch that is scaled so."""
    scaled, colors = SCALINGS[name], np.array(list(COLORS.values()), np.float64)
    mean, std = (np.array(channels.each(value)) for value in (scaled.mean, scaled.std))
    weights = 2 * colors * std / 1000
    bias = (2 * colors @ mean - (colors**2).sum(axis=1)) / 1000
    each = np.broadcast_to(weights[:, None, None, :: 1 if scaled.color == "RGB" else -1] / 9, (len(LABELS), *SIZE, 3))
    drawn = Drawn(SIZE)
    drawn.convolution(each, bias, "VALID")
    return drawn.bytes()


def patches(count: int) -> npt.NDArray[np.uint8]:
    """As many of each label, one after the other."""
    random, colors = np.random.default_rng(2), np.array(list(COLORS.values()), np.float64)
    rows = colors[np.arange(count) % len(colors)][:, None, None] + random.uniform(-20, 20, (count, 1, 1, 1))
    return np.asarray((rows + random.normal(0, 5, (count, *SIZE, 3))).clip(0, 255), np.uint8)


def labeled(count: int) -> Labeled:
    return Labeled(LABELS, patches(count), np.arange(count) % len(LABELS), "train", 0)


@pytest.mark.parametrize("name", SCALINGS)
def test_the_scaling_that_a_network_takes(name: str) -> None:
    choice = scaling.choose(network(name), labeled(600), output="logits")
    assert choice.scaling == name
    assert (choice.n, choice.split, choice.trials[0].n) == (scaling.MOST, "train", scaling.MOST)
    assert choice.trials[0].top1 > 0.9
    assert {row.scaling for row in choice.trials} == set(SCALINGS)
    assert 0 < choice.gain_interval[0] < choice.gain < choice.gain_interval[1]
    runner_up = next(row for row in choice.trials if row.scaling == choice.runner_up)
    assert choice.gain == pytest.approx(choice.trials[0].top1 - runner_up.top1)


def test_a_network_whose_metadata_says_otherwise() -> None:
    """It names a label file in an archive, which the bare network lacks, and a scaling."""
    card = crafted.card(LABELS, SIZE, input=InputSpec(*SIZE, mean=127.5, std=127.5))
    choice = scaling.choose(metadata.embed(network("0..1"), card), labeled(100), output="logits")
    assert choice.scaling == "0..1"


def test_answers_that_hang_on_no_scaling_tell_nothing() -> None:
    constant = crafted.constant([0.1] * len(LABELS), End((1, *SIZE, 3)))
    with pytest.raises(CannotTellError):
        scaling.choose(constant, labeled(60))


def test_too_few_images_are_refused() -> None:
    with pytest.raises(UserError, match=f"{scaling.LEAST - 1} images"):
        scaling.choose(network("0..1"), labeled(scaling.LEAST - 1))


def right(count: int, of: int, offset: int = 0) -> npt.NDArray[np.bool_]:
    return np.roll(np.arange(of) < count, offset)


def test_the_nearest_rival_decides() -> None:
    """A lead of two images over one of three may be chance, whatever the lead over the others is."""
    found = scaling.judged({"a": right(60, 100), "b": right(90, 100), "c": right(88, 100)}, "train")
    assert (found.scaling, found.runner_up, found.is_certain) == ("b", "c", False)
    assert found.gain == pytest.approx(0.02)
    certain = scaling.judged({"a": right(60, 100), "b": right(90, 100)}, "train")
    assert (certain.scaling, certain.runner_up, certain.is_certain) == ("b", "a", True)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "net.tflite").write_bytes(network("0..1"))
    (tmp_path / "labels.txt").write_text("".join(f"{label}\n" for label in LABELS))
    for number, patch in enumerate(patches(60)):
        path = tmp_path / "patches" / LABELS[number % len(LABELS)] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(images.encode_png(patch))
    return tmp_path


WORDS = ("export", "net.tflite", "--labels", "labels.txt", "--calibration", "patches", "--scaling", "auto")


def test_through_the_command_line(command: Run, place: Path) -> None:
    words = (*WORDS, "--output", "logits", "--variants", "int8")
    done = command(*words)
    assert done.returncode == 0, done.stderr
    document = json.loads((place / "runs/net/export/export.json").read_text())
    assert (document["inputs"]["input"]["mean"], document["inputs"]["input"]["std"]) == (0, 255)
    chosen = document["scaling"]
    assert (chosen["trials"][0]["scaling"], chosen["n"], chosen["split"]) == ("0..1", 60, "calibration folder")
    assert chosen["gain_interval"][0] > 0
    card = cards.read(place / "runs/net/export/net_int8.tflite")
    assert card is not None and card.input.std == 255
    again = command(*words)
    assert again.returncode == 0 and again.stdout == "" and "up to date" in again.stderr


def test_nothing_is_written_where_it_cannot_be_told(command: Run, place: Path) -> None:
    crafted.write(place / "net.tflite", crafted.constant([0.1] * len(LABELS), End((1, *SIZE, 3))))
    done = command(*WORDS)
    assert (done.returncode, done.stdout) == (3, "")
    assert not (place / "runs").exists()
