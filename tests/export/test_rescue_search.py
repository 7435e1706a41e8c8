"""The search: what costs nothing first, floats where nothing else helps; judged on images that are no test's."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from device import text
from device.data.folders import Labeled
from device.data.heads import Heads
from device.evaluation import exports
from device.inference.classifier import Classifier
from device.model import card as cards
from device.model.card import Card, Confidence, InputSpec, OutputSpec
from export.checks.fidelity import Graph
from export.conversion import objects, quantize
from export.rescue.build import PLAIN, Builder, Means
from export.rescue.judge import Judge
from export.rescue.search import FREE, Found, search
from export.source.held_out import HeldOut
from tests import drawing, foreign, once
from tests.conftest import Run
from tests.export.rescuing import builder, rescaled
from tests.export.test_quantize import answers

pytestmark = pytest.mark.long

SPEC = InputSpec(*foreign.SIZE)


def validation(count: int = 300, labeled: bool = True) -> Labeled:
    drawn = drawing.shapes(count, 7, foreign.SIZE)
    targets = [drawing.LABELS.index(label) if labeled else -1 for label, _ in drawn]
    images = np.stack([image for _, image in drawn])
    return Labeled(drawing.LABELS, images, np.array(targets, np.int64), "validation", 0)


def judge(float32: bytes, scratch: Path, images: Labeled | None = None, heads: Heads | None = None) -> Judge:
    card = Card("shapes", None, "int8", drawing.LABELS, SPEC, OutputSpec(), Confidence(), None, (), None, {})
    return Judge(float32, HeldOut(images or validation(), heads), card, scratch, seconds=0.3)


def found(
    float32: bytes, scratch: Path, max_drop: float, images: Labeled | None = None, kept: tuple[str, ...] = ()
) -> tuple[Builder, Found]:
    made = builder(float32, kept=kept)
    return made, search(made, judge(float32, scratch, images), max_drop)


def test_a_good_file_is_left_as_it_is(tmp_path: Path) -> None:
    made, result = found(foreign.bare(), tmp_path, 0.05)
    assert [one.means for one in result.tried] == [PLAIN]
    assert result.chosen.made == made.build(PLAIN)


def test_rescaled_channels_are_equalized(tmp_path: Path) -> None:
    _, result = found(rescaled(foreign.bare()), tmp_path, 0.05)
    plain, equalized = result.tried
    assert plain.paired.drop > 0.2
    assert equalized.means == FREE[0]
    assert equalized is result.chosen
    assert equalized.paired.drop < 0.02
    assert plain.latency is not None and equalized.latency is not None
    assert 0.5 < equalized.latency.ratio < 2


def test_a_plain_file_that_cannot_be_loaded_is_rescued_too(tmp_path: Path) -> None:
    """Scales so far apart that XNNPACK refuses them."""
    _, result = found(rescaled(foreign.bare(), 1000), tmp_path, 0.05)
    plain, equalized = result.tried
    assert plain.latency is None and not result.steps[0].is_on_front
    assert plain.paired.won == 0
    assert equalized is result.chosen


@pytest.fixture(scope="module")
def stubborn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Builder, Found]:
    """No channel may be scaled, so what is one channel's alone is lost to int8."""
    float32 = foreign.with_one_loud_channel(0.0001)
    names = tuple(objects.text(tensor.name) for tensor in Graph(float32).graph.tensors)
    return found(float32, tmp_path_factory.mktemp("stubborn"), 0.05, kept=names)


def test_where_nothing_else_helps_operators_stay_in_float(stubborn: tuple[Builder, Found]) -> None:
    made, result = stubborn
    assert result.tried[0].paired.drop > 0.1
    assert result.chosen.means.floating
    assert result.chosen.worst_drop <= 0.05
    names, floating = made.operators, result.chosen.means.floating
    start = names.index(floating[0])
    assert names[start : start + len(floating)] == floating, "one block of neighbors"
    same_as_plain = {Means(equalized=True), Means(saturated=True), Means(more_images=True)}
    assert {means for one in result.tried if (means := one.means) in FREE} == set(FREE) - same_as_plain


def test_of_as_many_operators_in_float_the_fastest_file_is_taken(stubborn: tuple[Builder, Found]) -> None:
    made, result = stubborn
    count = len(result.chosen.means.floating)
    as_many = [one for one in result.tried if len(one.means.floating) == count and not one.means.dynamic]
    inside = [round(one.latency.ratio, 2) for one in as_many if one.latency and one.worst_drop <= 0.05]
    assert result.chosen.latency is not None and round(result.chosen.latency.ratio, 2) <= min(inside)
    assert len(as_many) == len({one.means.floating for one in as_many}) > 1 or count == len(made.operators)


def test_nothing_is_surer_than_that_no_answer_changed(tmp_path: Path) -> None:
    """Some thirty images can't show a tenth of a point, whatever is tried."""
    images = validation(40)
    tensors = [np.asarray(image, np.float32)[None] for image in images.sources]
    plain, exact = (
        answers(one, tensors).argmax(axis=1) for one in (builder(foreign.bare()).build(PLAIN), foreign.bare())
    )
    same = plain == exact
    sources = np.stack([images.image(i) for i in range(len(images))])
    kept = replace(images, sources=sources[same], targets=images.targets[same])
    _, result = found(foreign.bare(), tmp_path, 0.001, kept)
    assert [one.means for one in result.tried] == [PLAIN]
    assert result.chosen.worst_drop > 0.001


# Of 1000 images none may change for a file to be surely inside.
JUST_TOLD = 0.003


def test_without_a_file_inside_the_least_certain_loss_is_taken(tmp_path: Path) -> None:
    """Equalized, but for a few predictions as good as float32."""
    _, result = found(rescaled(foreign.bare(), 30), tmp_path, JUST_TOLD, validation(1000))
    assert result.chosen.worst_drop == min(one.worst_drop for one in result.tried)
    assert len(result.tried) > 5


def test_where_the_images_cannot_tell_nothing_that_costs_latency_is_tried(tmp_path: Path) -> None:
    """Of the others that one is chosen whose scores differ least from float32's."""
    _, result = found(rescaled(foreign.bare(), 30), tmp_path, JUST_TOLD, validation(500))
    assert result.chosen.paired.interval[0] <= JUST_TOLD < result.chosen.worst_drop
    assert not any(one.means.floating for one in result.tried)
    assert result.chosen.error == min(one.error for one in result.tried)


def test_without_labels_float_s_answers_count_as_right(tmp_path: Path) -> None:
    known, unknown = (judge(foreign.bare(), tmp_path, validation(labeled=each)) for each in (True, False))
    broken = builder(rescaled(foreign.bare())).build(PLAIN)
    lost, all_lost = (each.judged(broken).paired for each in (known, unknown))
    assert all_lost.won == 0
    assert all_lost.lost >= lost.lost > 50


def test_images_that_the_head_was_fitted_on_are_judged_by_other_heads(tmp_path: Path) -> None:
    """Every second image by a head that calls each label by the next one's name."""
    graph, images = Graph(foreign.bare()), validation(60)
    dense = [one for one in graph.operators if objects.operator_name(graph.tree, one) == "FULLY_CONNECTED"][-1]
    weights, bias = (one.numbers for one in graph.constants(dense)[1:] if one)
    kernels, biases = (np.stack([part, np.roll(part, 1, axis=-1)]).astype(np.float32) for part in (weights.T, bias))
    heads = Heads(np.arange(60), np.arange(60) % 2, kernels, biases)
    own, others = judge(foreign.bare(), tmp_path, images), judge(foreign.bare(), tmp_path, images, heads)
    assert own.float32_right.sum() > 50
    np.testing.assert_array_equal(others.float32_right[::2], own.float32_right[::2])
    assert others.float32_right[1::2].sum() < 10
    plain = builder(foreign.bare()).build(PLAIN)
    assert others.right(plain)[::2].sum() > 25 and others.right(plain)[1::2].sum() < 10


def test_nothing_beats_what_is_on_the_front(stubborn: tuple[Builder, Found]) -> None:
    _, result = stubborn
    steps = result.steps
    assert sum(step.is_chosen for step in steps) == 1
    places = {(round(step.latency_ratio or 9, 2), step.drop_interval[1]) for step in steps}
    assert any(step.is_on_front for step in steps) and not all(step.is_on_front for step in steps)
    for step in steps:
        ratio, drop = round(step.latency_ratio or 9, 2), step.drop_interval[1]
        beaten = any(a <= ratio and b <= drop for a, b in places - {(ratio, drop)})
        assert step.is_on_front == (not beaten), "as fast and better, or as good and faster"


# The command.


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    counts: dict[str | None, int] = {"train": 400, "test": 240}
    return once.made(tmp_path_factory, "rescue", lambda made: drawing.write_folder(made, counts, size=foreign.SIZE))


@pytest.fixture
def place(tmp_path: Path, drawn: Path) -> Path:
    (tmp_path / "shapes").symlink_to(drawn)
    (tmp_path / "labels.txt").write_text(foreign.LABELS)
    (tmp_path / "model.tflite").write_bytes(rescaled(foreign.bare()))
    return tmp_path


WORDS = ("export", "model.tflite", "--labels", "labels.txt", "--calibration", "shapes", "--mean", 0, "--std", 1)


def test_the_command_makes_a_file_that_is_as_good_as_float32(command: Run, place: Path) -> None:
    words = (*WORDS, "--calibration-samples", 60, "--variants", "float32,int8", "--rescue", "--max-drop", 4)
    done = command(*words, "--hand-over", "maker")
    assert done.returncode == 0, done.stderr
    folder = place / "runs/model/export"
    made = exports.read(folder)
    assert made.rescue is not None and made.rescue.max_drop == 0.04
    (int8,) = (row for row in made.variants if row.variant == "int8")
    assert int8.drop is not None and int8.drop > 0.2
    assert int8.failures and not int8.file, "the plain file is broken"
    assert made.rescue.comparison.drop is not None and made.rescue.comparison.drop < 0.03
    assert (made.rescue.comparison.n, made.rescue.comparison.split) == (240, "test")
    assert not made.rescue.shares_images
    assert [step.means for step in made.rescue.steps] == ["plain", "equalized"]
    assert {step.n for step in made.rescue.steps} == {340}, "all that didn't calibrate"
    path = folder / str(made.rescue.file)
    assert path.name == "model_int8_rescued.tflite"
    classifier = Classifier(path)
    assert classifier.input.dtype == np.uint8
    card = cards.read(path)
    assert card is not None and card.variant == "int8"
    assert "equalized" in done.stdout
    cost = made.rescue.cost
    assert cost is not None and cost.latency is not None and cost.drop == made.rescue.comparison.drop
    assert (folder / "flips_int8_rescued.png").exists() == bool(cost.changed)
    shown = [line for line in done.stdout.splitlines() if line.startswith("int8_rescued ")]
    assert text.points(cost.drop, cost.drop_interval) in shown[0] and f"{cost.latency.ratio:.2f}" in shown[0]
    assert "int8_rescued: within the limit" in done.stderr
    check_handed_over(place / "maker")
    # The same settings again: nothing is made anew.
    again = command(*words)
    assert (again.returncode, again.stdout) == (0, "")
    assert "up to date" in again.stderr and "int8_rescued: within the limit" in again.stderr
    checked = command("device", "check", path)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def check_handed_over(folder: Path) -> None:
    """A compiler that quantizes the equalized network as LiteRT does gets the rescued file; of the plain one, worse."""
    assert {path.name for path in folder.glob("model_*")} == {
        *("model_float32.tflite", "model_float32_equalized.tflite", "model_int8_rescued.tflite")
    }
    images = np.load(folder / "calibration.npy")[:, None]
    tensors, expected = list(images.astype(np.float32)), np.load(folder / "expected_scores.npy")
    rescued = answers((folder / "model_int8_rescued.tflite").read_bytes(), list(images))
    compiled = [
        quantize.make("int8", (folder / f"model_{name}.tflite").read_bytes(), tensors, 0, 255)
        for name in ("float32_equalized", "float32")
    ]
    equalized, plain = (answers(one, list(images)) for one in compiled)
    np.testing.assert_array_equal(equalized, rescued)
    assert np.abs(plain - expected).mean() > 10 * np.abs(equalized - expected).mean()


def test_the_same_bytes_in_another_process(command: Run, place: Path) -> None:
    words = (*WORDS, "--calibration-samples", 60, "--variants", "int8", "--rescue", "--max-drop", 4)
    for folder, fresh in (("one", {}), ("other", {"PYTHONHASHSEED": "2"})):  # which no fork can have
        done = command(*words, "--run", folder, SOURCE_DATE_EPOCH="1700000000", **fresh)
        assert done.returncode == 0, done.stderr
    one, other = (place / folder / "export" for folder in ("one", "other"))
    for name in ("model_int8_rescued.tflite", "layers_int8.png"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


def test_what_cannot_be_told_says_so(command: Run, place: Path) -> None:
    """240 test images can't show a drop of a tenth of a point."""
    (place / "model.tflite").write_bytes(foreign.bare())
    done = command(*WORDS, "--calibration-samples", 60, "--variants", "int8", "--rescue", "--max-drop", 0.1)
    assert done.returncode == 3, done.stderr
    document = json.loads((place / "runs/model/export/export.json").read_bytes())
    assert document["rescue"]["max_drop"] == 0.001
    (verdict,) = (line for line in done.stderr.splitlines() if "can't tell" in line)
    assert re.search(r"[\d,]+ to [\d,]+ images", verdict), "how many would do"


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--rescue",), "--max-drop"),
        (("--max-drop", 1, "--variants", "float32"), "--max-drop"),
        (("--rescue", "--max-drop", -1), "--max-drop"),
        (("--rescue", "--max-drop", 1, "--calibration-samples", 390), "10 images"),
        (("--rescue", "--max-drop", 1, "--variants", "float32"), "variants"),
    ],
)
def test_what_no_rescue_can_do_is_refused(words: tuple[object, ...], named: str, command: Run, place: Path) -> None:
    refused = command(*WORDS, *words)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert named in refused.stderr
