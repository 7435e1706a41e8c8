"""Which usual mismatch explains bad scores: by golden images, by labeled ones, and none where there is none."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from device.check import check, checked, mismatches
from device.check.check import CheckRequest
from device.check.checked import Report
from device.check.mismatches import MismatchCounts, MismatchTrial
from device.data import folders
from device.images import images
from device.inference.classifier import Classifier
from device.inference.overrides import NO_OVERRIDES, Overrides
from device.model import card as cards
from device.model.card import Card
from tests import drawing, foreign
from tests.conftest import Run, model
from tests.device import crafted
from tests.device.altering import Pixels, altered, recorded_of, with_input, with_one_image

COLORS = {"red": (230, 20, 20), "green": (20, 230, 20), "blue": (20, 20, 230)}


def causes(path: Path) -> list[str]:
    """The mismatches that are said to reproduce the scores of a file whose golden images fail."""
    report = check.examine(CheckRequest(path, NO_OVERRIDES, None, 1, None, None))
    assert report.verdict is not None and not report.verdict.passed and report.code == 1
    return [cause.mismatch.name for cause in report.causes]


# By golden images. What is fed is written here by hand, beside what device/check/mismatches.py does.


@pytest.mark.parametrize("variant", ["float32", "int8"])
@pytest.mark.parametrize("fit", ["pad", "stretch"])
def test_another_fit_than_the_cards(variant: str, fit: str, tmp_path: Path) -> None:
    """The evidence is stronger here: the bytes are those of the export again."""
    path = altered(tmp_path / "net.tflite", variant, with_input(fit=fit))
    report = check.examine(CheckRequest(path, NO_OVERRIDES, None, 1, None, None))
    assert report.verdict is not None and report.verdict.first == "resize"
    (cause,) = report.causes
    assert cause.mismatch.name == "crop" and cause.verdict.first is None
    assert [one["mismatch"] for one in checked.document(report)["reproduced_by"]] == ["crop"]
    assert checked.lines(report)[-1].startswith(
        "with the center cropped the file gives the recorded scores (largest error"
    )
    assert (
        "and every stage's bytes: the file and its card disagree on how an image is made" in checked.lines(report)[-1]
    )


@pytest.mark.parametrize("variant", ["float32", "int8"])
@pytest.mark.parametrize(("mean", "std"), [(0.0, 255.0), (127.5, 127.5), (100.0, 50.0)])
def test_another_scaling_than_the_cards(mean: float, std: float, variant: str, tmp_path: Path) -> None:
    path = altered(tmp_path / "net.tflite", variant, with_input(mean=mean, std=std))
    assert causes(path) == ["0..255"]


def test_a_network_that_takes_another_scaling_than_its_card_says(tmp_path: Path) -> None:
    network = foreign.changed(lambda kernel, bias: (255 * kernel, bias), lambda kernel: kernel)
    assert causes(altered(tmp_path / "net.tflite", "float32", network=network)) == ["0..1"]


def test_a_network_whose_channels_are_swapped(tmp_path: Path) -> None:
    network = foreign.changed(lambda kernel, bias: (kernel[..., ::-1], bias), lambda kernel: kernel)
    assert causes(altered(tmp_path / "net.tflite", "float32", network=network)) == ["BGR"]


BY_HAND: dict[str, Callable[[Pixels], Any]] = {
    "BGR": lambda image: image[..., [2, 1, 0]],
    "gray": lambda image: cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB),
    "negative": lambda image: ~image,
    "mirrored": lambda image: cv2.flip(image, 1),
    "upside down": lambda image: cv2.rotate(image, cv2.ROTATE_180),
    "turned left": lambda image: cv2.rotate(image, cv2.ROTATE_90_COUNTERCLOCKWISE),
    "turned right": lambda image: cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_a_record_of_other_images(name: str, tmp_path: Path) -> None:
    path = altered(tmp_path / "net.tflite", "float32", recorded_of("float32", BY_HAND[name]))
    assert causes(path) == [name]


@pytest.mark.parametrize(("name", "order"), [("labels +1", (2, 0, 1)), ("labels -1", (1, 2, 0))])
def test_a_record_with_its_scores_one_place_off(name: str, order: tuple[int, ...], tmp_path: Path) -> None:
    def change(card: Card) -> Card:
        entries = [replace(one, scores=tuple(one.scores[i] for i in order)) for one in card.golden]
        return replace(card, golden=tuple(entries))

    assert causes(altered(tmp_path / "net.tflite", "float32", change)) == [name]


@pytest.mark.parametrize("variant", ["float32", "int8"])
def test_a_record_that_no_mismatch_makes(variant: str, tmp_path: Path) -> None:
    """A score beyond its tolerance, in one image or in all, is no reason to name one."""

    def change(card: Card, images_changed: int) -> Card:
        entries = list(card.golden)
        for i in range(images_changed):
            first, *others = entries[i].scores
            entries[i] = replace(entries[i], scores=(first - 1.2 * entries[i].tolerance, *others))
        return replace(card, golden=tuple(entries))

    for count in (1, 5):
        assert causes(altered(tmp_path / f"{count}.tflite", variant, lambda card, n=count: change(card, n))) == []  # type: ignore[misc]


@pytest.mark.parametrize(("red", "named"), [(190, []), (200, ["stretch", "pad"])])
def test_a_mismatch_that_is_hardly_better_is_not_named(red: int, named: list[str], tmp_path: Path) -> None:
    """Within the tolerance of 24/256, but 16/255 off where the card's way is 26/255 off; and 6/255 off.

    A network that answers with the one pixel it is fed: cropped, the image's middle one; else the mean of the first
    two, whether it is stretched or padded, and then both are named.
    """
    image = np.array([[[2 * red - 180, 60, 40], [180, 60, 40], [0, 60, 40]]], np.uint8)
    scores = (206 / 255, 60 / 255, 40 / 255)
    card = {"labels": tuple(COLORS), "size": (1, 1)}
    path = with_one_image(tmp_path / "net.tflite", crafted.echo(), image, scores, 24 / 256, **card)
    source = cards.read(path)
    assert source is not None
    scaled = replace(source, input=replace(source.input, std=255.0))
    crafted.write(
        path, cards.append_archive(cards.network_bytes(path), scaled, {"golden_1.png": images.encode_png(image)})
    )
    assert causes(path) == named


def test_the_classifier_stays_as_it_was() -> None:
    """The mismatches share its interpreter and nothing else."""
    classifier = Classifier(model("int8"))
    image = drawing.shapes(1, 3)[0][1]
    before, card = classifier.classify(image).scores, classifier.card
    ways = mismatches.classic(card.input)
    answers = {way.name: way.relabeled(way.applied(classifier).classify(image).scores) for way in ways}
    assert len(answers) == len(ways) == 13
    assert np.array_equal(classifier.classify(image).scores, before) and classifier.card is card
    assert sum(np.array_equal(scores, before) for scores in answers.values()) == 0
    assert np.array_equal(answers["labels +1"], before[[2, 0, 1]])


def test_what_the_card_says_is_no_mismatch() -> None:
    spec = crafted.card(("a", "b"), (4, 6)).input
    names = {way.name for way in mismatches.classic(replace(spec, fit="pad", mean=127.5, std=127.5))}
    assert {"crop", "stretch", "0..1", "0..255"} < names and names.isdisjoint({"pad", "-1..1"})


# By labeled images.


def measured(gained: int, lost: int, right: int = 50, n: int = 100) -> MismatchCounts:
    return MismatchCounts(
        mismatches.classic(crafted.card(("a", "b"), (4, 6)).input)[0], n, right + gained - lost, gained, lost
    )


@pytest.mark.parametrize(
    ("pairs", "named"),
    [
        ([(0, 0), (0, 40), (5, 5)], None),
        ([(8, 0)], (8, 0)),  # p 0.0078
        ([(8, 0), (0, 0), (1, 1)], None),  # among three it may be chance
        ([(12, 0), (20, 1), (0, 30)], (20, 1)),
        ([], None),
    ],
)
def test_only_what_is_beyond_chance_is_named(pairs: list[tuple[int, int]], named: tuple[int, int] | None) -> None:
    found = MismatchTrial(100, 50, tuple(measured(*pair) for pair in pairs)).named()
    assert (None if found is None else (found.gained, found.lost)) == named


def test_what_may_be_chance_is_said_to_be() -> None:
    trial = MismatchTrial(100, 50, (measured(8, 0), measured(0, 0), measured(1, 1)))
    suspected = trial.suspected()
    assert trial.named() is None and suspected is not None and suspected.gained == 8
    report = Report(Classifier(model("int8")), None, (), trial)
    assert report.code == 3 and checked.lines(report)[-1] == (
        "with BGR order the accuracy would be 58.0 % instead of 50.0 % (n 100), which may be chance with 3 ways"
        " tried; give more images"
    )


def test_where_all_answer_alike_hardly_ever_one_is_named() -> None:
    """Thirteen ways that are right as often as the card's, by independent lots, a hundred times over."""
    random = np.random.default_rng(1)
    false = 0
    for _ in range(100):
        pairs = random.multinomial(500, [0.1, 0.1, 0.8], 13)
        false += (
            MismatchTrial(500, 250, tuple(measured(int(g), int(lo), 250, 500) for g, lo, _ in pairs)).named()
            is not None
        )
    assert false <= 3


def colored(root: Path, count: int) -> Path:
    """Images of one color each, a folder a color."""
    for label, color in COLORS.items():
        for i in range(count):
            path = root / label / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(images.encode_png(np.full((4, 4, 3), np.array(color) + i % 20, np.uint8)))
    return root


def third_party(folder: Path, network: bytes, labels: Sequence[str], **overrides: Any) -> tuple[Path, Overrides]:
    path = crafted.write(folder / "net.tflite", network)
    (folder / "labels.txt").write_text("\n".join(labels))
    return path, Overrides(labels=folder / "labels.txt", **overrides)


def tried(path: Path, overrides: Overrides, folder: Path) -> tuple[int, MismatchTrial, str]:
    """(exit code, what was counted, the last line) for a file and labeled images."""
    report = check.examine(CheckRequest(path, overrides, str(folder), 1, None, None))
    assert report.trial is not None
    return report.code, report.trial, checked.lines(report)[-1]


def test_a_network_trained_on_bgr(tmp_path: Path) -> None:
    """It answers with the pixel it is fed, and its labels stand in the order blue, green, red."""
    path, overrides = third_party(tmp_path, crafted.echo(), ("blue", "green", "red"), mean=0, std=255)
    code, trial, said = tried(path, overrides, colored(tmp_path / "data", 10))
    assert (code, trial.n, trial.right) == (1, 30, 10)
    named = trial.named()
    assert named is not None and (named.mismatch.name, named.right, named.gained, named.lost) == ("BGR", 30, 20, 0)
    assert said.startswith(
        "with BGR order the accuracy would be 100.0 % instead of 33.3 % (n 30): the network was trained on BGR"
    )


def test_a_third_party_network_with_the_wrong_scaling(command: Run, tmp_path: Path) -> None:
    third_party(tmp_path, foreign.for_minus_one_to_one(), drawing.LABELS)
    drawing.write_folder(tmp_path / "data", {None: 150})
    words = ("device", "check", "net.tflite", "--labels", "labels.txt", "--data", "./data")
    done = command(*words, "--mean", "0", "--std", "1")
    assert done.returncode == 1 and done.stderr.splitlines()[-1].startswith("note: net.tflite: no golden images")
    said = done.stdout.splitlines()[-1]
    assert said.startswith("with pixels of -1..1 the accuracy would be ") and " (n 150): " in said
    assert said.endswith("the network takes pixels of -1..1; give --scaling -1..1")
    done = command(*words, "--mean", "127.5", "--std", "127.5")  # as it says
    assert done.returncode == 3 and "can't tell: net.tflite: no golden images" in done.stderr
    assert (
        done.stdout.splitlines()[-1] == "no known preprocessing mismatch gets significantly more of these images right"
    )


def test_a_healthy_third_party_file_gets_no_mismatch(tmp_path: Path) -> None:
    path, overrides = third_party(tmp_path, foreign.bare(), drawing.LABELS, mean=0, std=1)
    code, trial, _ = tried(path, overrides, drawing.write_folder(tmp_path / "data", {None: 90}, seed=4))
    assert code == 3 and trial.named() is None
    assert trial.right > 80 and len(trial.measured) == 13


def test_labels_that_are_one_place_off(tmp_path: Path) -> None:
    path, overrides = third_party(tmp_path, foreign.bare(), (*drawing.LABELS[1:], drawing.LABELS[0]), mean=0, std=1)
    code, trial, said = tried(path, overrides, drawing.write_folder(tmp_path / "data", {None: 60}))
    named = trial.named()
    assert code == 1 and named is not None and named.mismatch.name == "labels -1" and trial.right < 10
    assert "the labels are one place off; check whether the label file has a line too many or too few" in said


def test_images_that_lie_on_their_side(tmp_path: Path) -> None:
    """Of a file of ours, which passes its golden images and is judged bad all the same."""
    for i, (label, image) in enumerate(drawing.shapes(90, 5)):
        path = tmp_path / "data" / label / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(images.encode_png(cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE)))  # type: ignore[arg-type]
    report = check.examine(CheckRequest(model("int8"), NO_OVERRIDES, str(tmp_path / "data"), 1, None, None))
    assert report.verdict is not None and report.verdict.passed and report.code == 1
    assert report.trial is not None and (named := report.trial.named()) is not None
    assert named.mismatch.name == "turned left"
    assert checked.lines(report)[-1].endswith("the network was trained on images turned left")
    data = checked.document(report)["data"]
    assert data["named"] == "turned left" and "turned left" in [one["mismatch"] for one in data["mismatches"]]


def test_at_most_500_images_are_asked(tmp_path: Path) -> None:
    """Drawn from all of them, the same each time, over all workers."""
    path, overrides = third_party(tmp_path, crafted.echo(), tuple(COLORS), mean=0, std=255)
    rows: npt.NDArray[np.uint8] = np.zeros((1200, 1, 1, 3), np.uint8)
    rows[600:, 0, 0, 1] = 200  # green; the first half is black, the first of equal scores counts
    data = folders.Labeled(tuple(COLORS), rows, np.repeat([0, 1], 600), "test", 0)
    ways = mismatches.classic(Classifier(path, overrides).card.input)
    trials = [mismatches.on_data(lambda: Classifier(path, overrides), ways, data, workers) for workers in (1, 2)]
    assert trials[0] == trials[1]
    assert trials[0].n == trials[0].right == 500
    gray = next(one for one in trials[0].measured if one.mismatch.name == "gray")
    assert 200 < gray.right < 300 and (gray.gained, gray.lost) == (0, 500 - gray.right)
