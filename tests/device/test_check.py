"""`device check`: files that are as export left them, files that are not, and files that can't be checked."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from device.check import check, checked
from device.check.check import CheckRequest
from device.check.checked import Report
from device.errors import UserError
from device.inference.classifier import Classifier
from device.inference.golden import GoldenResult, replay
from device.inference.overrides import NO_OVERRIDES, Overrides
from device.model import card as cards
from device.model.card import Golden
from device.model.variants import DEFAULT
from tests import drawing
from tests.conftest import Run, environment, model, shared
from tests.device import altering, crafted
from tests.device.altering import NOT_A_HASH, altered, with_entries, with_one_image
from tests.device.refusals import names, refusal, with_card

GRAY = np.full((4, 6, 3), 90, np.uint8)
THREE = {"labels": ("a", "b", "c"), "size": (4, 6)}


def request(path: Path, data: str | None = None) -> CheckRequest:
    return CheckRequest(path, NO_OVERRIDES, data, 1, None, None)


def examined(path: Path) -> tuple[Report, GoldenResult]:
    report = check.examine(request(path))
    assert report.verdict is not None
    return report, report.verdict


@pytest.mark.parametrize("variant", DEFAULT)
def test_the_committed_models_pass_byte_for_byte(variant: str) -> None:
    verdict = replay(Classifier(model(variant)))
    assert verdict.passed and verdict.first is None
    assert len(verdict.images) == 5 and all(replay.differing == () for replay in verdict.images)
    tolerance = verdict.images[0].tolerance
    assert verdict.score_error is not None and verdict.score_error <= tolerance


@pytest.mark.parametrize("variant", DEFAULT)
def test_they_pass_with_tflite_runtime(variant: str, command: Run) -> None:
    done = command("device", "check", model(variant), "--json", "-", python=environment("tflite-runtime"))
    assert (done.returncode, done.stderr) == (0, "")
    (result,) = json.loads(done.stdout)["results"]
    assert (result["passed"], result["runtime"], result["differs_first_at"]) == (True, "tflite-runtime", None)


def test_a_table_for_a_person(command: Run) -> None:
    done = command("device", "check", model("int8"), "--threads", "2", "--runtime", "litert")
    assert (done.returncode, done.stderr) == (0, "")
    head, _, *rows, verdict = done.stdout.splitlines()
    assert head.split("  ")[0] == "image" and len(rows) == 5
    assert rows[0].split() == ["golden_1.png", "-", *rows[0].split()[2:3], "0.094", "square", "square"]
    assert verdict.startswith("PASS: 5 golden images, litert ")


def test_json_for_a_script(command: Run, tmp_path: Path) -> None:
    done = command("device", "check", model("float32"), "--json", "check.json")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    document = json.loads((tmp_path / "check.json").read_bytes())
    assert set(document) == {"schema", "machine", "results"} and document["machine"]["cores"] >= 1
    (result,) = document["results"]
    assert (result["file"], result["threads"], result["data"]) == ("shapes_float32.tflite", 1, None)
    assert [entry["label"] for entry in result["golden"]] == [entry["label_at_export"] for entry in result["golden"]]
    assert result["reproduced_by"] == []


def with_other_scores(entry: Golden) -> Golden:
    """Of one image alone."""
    return replace(entry, scores=(0.5, 0.25, 0.25)) if entry.image == "golden_3.png" else entry


def test_other_scores_are_judged_bad_at_the_output(command: Run, tmp_path: Path) -> None:
    path = altered(tmp_path / "bad.tflite", "float32", with_entries(with_other_scores))
    done = command("device", "check", path)
    assert (done.returncode, done.stderr) == (1, "")
    *_, verdict, explanation = done.stdout.splitlines()
    scores = Classifier(path).card.golden[2].scores
    error = max(abs(was - now) for was, now in zip((0.995696, 0.003036, 0.001268), scores, strict=True))
    assert verdict.startswith("FAIL: 5 golden images, litert ")
    assert verdict.endswith(f", first difference at: output (1 of 5), largest score error {error:.2g}")
    assert explanation.startswith("no known preprocessing mismatch reproduces the recorded scores")
    done = command("device", "check", path, "--json", "-")
    (result,) = json.loads(done.stdout)["results"]
    assert (done.returncode, result["passed"], result["differs_first_at"]) == (1, False, "output")
    assert [entry["passed"] for entry in result["golden"]] == [True, True, False, True, True]
    assert result["score_error"] == pytest.approx(error, abs=1e-5) and result["reproduced_by"] == []


@pytest.mark.parametrize(
    ("field", "stage"),
    [("decoded_sha256", "decode"), ("resized_sha256", "resize"), ("input_sha256", "input tensor")],
)
def test_another_hash_names_the_stage_and_passes(field: str, stage: str, tmp_path: Path) -> None:
    other: dict[str, Any] = {field: NOT_A_HASH}
    path = altered(tmp_path / "net.tflite", "int8", with_entries(lambda entry: replace(entry, **other)))
    report, verdict = examined(path)
    assert verdict.passed and verdict.first == stage and verdict.count(verdict.first) == 5
    assert report.code == 0 and report.causes == ()
    assert checked.lines(report)[-1] == f"note: the bytes of 5 of 5 differ from export, first at: {stage}; scores agree"


def test_the_first_stage_is_the_first_of_all_images(tmp_path: Path) -> None:
    def change(entry: Golden) -> Golden:
        field = "resized_sha256" if entry.image == "golden_4.png" else "input_sha256"
        other: dict[str, Any] = {field: NOT_A_HASH}
        return replace(entry, **other)

    _, verdict = examined(altered(tmp_path / "net.tflite", "float32", with_entries(change)))
    assert verdict.first == "resize" and (verdict.count("resize"), verdict.count("input tensor")) == (1, 4)


@pytest.mark.parametrize(
    ("scores", "recorded", "tolerance", "passed"),
    [
        ((0.5, 0.3, 0.2), (0.55, 0.28, 0.17), 0.0501, True),
        ((0.5, 0.3, 0.2), (0.55, 0.28, 0.17), 0.0499, False),
        ((0.5, 0.48, 0.02), (0.48, 0.5, 0.02), 0.1, False),  # another label
        ((0.49, 0.5, 0.01), (0.495, 0.495, 0.01), 0.1, True),  # either is the best one
        ((0.3, 0.3, 0.4), (0.35, 0.35, 0.3), 0.11, False),
        ((float("nan"), 0.3, 0.2), (0.5, 0.3, 0.2), 1.0, False),
    ],
)
def test_scores_alone_decide(
    scores: tuple[float, ...], recorded: tuple[float, ...], tolerance: float, passed: bool, tmp_path: Path
) -> None:
    network = crafted.constant(scores)
    path = with_one_image(tmp_path / "net.tflite", network, GRAY, recorded, tolerance, **THREE)
    report, verdict = examined(path)
    assert verdict.passed == passed and verdict.first == "decode"
    assert ("output" in verdict.images[0].differing) != passed
    assert report.code == (0 if passed else 1)
    json.dumps(checked.document(report), allow_nan=False)


def test_with_many_labels_the_five_highest_are_compared(tmp_path: Path) -> None:
    scores = np.linspace(0, 0.02, 101)
    best = tuple({"index": i, "score": float(scores[i])} for i in (100, 99, 98, 97, 96))
    size = {"labels": tuple(f"label {i}" for i in range(101)), "size": (4, 6)}
    path = with_one_image(tmp_path / "net.tflite", crafted.constant(scores.tolist()), GRAY, best, 1e-6, **size)
    _, verdict = examined(path)
    assert verdict.passed and verdict.images[0].best == verdict.images[0].expected == 100
    scores[50] = 0.03  # none of the five, and now the best
    path = with_one_image(tmp_path / "other.tflite", crafted.constant(scores.tolist()), GRAY, best, 1e-6, **size)
    assert not examined(path)[1].passed


@pytest.mark.parametrize(
    "recorded",
    [
        (),
        (0.5, 0.5),
        (0.1, 0.2, 0.3, 0.4),
        ("a", "b", "c"),
        (None, None, None),
        ({"index": 3, "score": 0.5},),
        ({"index": -1, "score": 0.5},),
        ({"index": 1},),
        ({"index": 1, "score": 0.5}, 0.2, 0.3),
    ],
)
def test_scores_that_do_not_fit_the_network(recorded: tuple[Any, ...], tmp_path: Path) -> None:
    path = with_one_image(tmp_path / "net.tflite", crafted.constant([0.5, 0.3, 0.2]), GRAY, recorded, 0.1, **THREE)
    with pytest.raises(UserError, match=r"'golden_1.png' .*3 outputs"):
        replay(Classifier(path))


def test_a_golden_image_that_is_not_in_the_file(tmp_path: Path) -> None:
    card = cards.read(model("int8"))
    assert card is not None
    path = with_card(tmp_path / "net.tflite", cards.network_bytes(model("int8")), card)
    with pytest.raises(UserError, match=r"'golden_1\.png'"):
        replay(Classifier(path))


def test_a_golden_image_that_this_machine_cannot_decode(tmp_path: Path) -> None:
    """An OpenCV without the format: here, bytes of no format at all."""
    entry = Golden("golden_1.png", NOT_A_HASH, NOT_A_HASH, NOT_A_HASH, (0.5, 0.3, 0.2), 0.1)
    card = crafted.card(("a", "b", "c"), (4, 6), golden=(entry,))
    whole = cards.append_archive(crafted.constant([0.5, 0.3, 0.2]), card, {"golden_1.png": b"no image"})
    report, verdict = examined(crafted.write(tmp_path / "net.tflite", whole))
    assert (report.code, verdict.first, verdict.score_error) == (1, "decode", None)
    assert checked.document(report)["golden"][0]["label"] is None
    assert "FAIL" in checked.lines(report)[-2] and "decode (1 of 1)" in checked.lines(report)[-2]


def test_a_file_without_golden_images_does_not_pass(tmp_path: Path) -> None:
    path = with_card(tmp_path / "net.tflite", crafted.constant([0.5, 0.3, 0.2]), crafted.card(("a", "b", "c"), (4, 6)))
    assert replay(Classifier(path)) == GoldenResult(())
    assert not GoldenResult(()).passed and GoldenResult(()).first is None and GoldenResult(()).score_error is None


def test_what_cannot_be_told_is_said(command: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a third-party file neither labels nor scaling are asked for first."""
    crafted.write(tmp_path / "net.tflite", crafted.constant([0.5, 0.3, 0.2]))
    done = command("device", "check", "net.tflite")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("can't tell: net.tflite: ")
    assert len(done.stderr.splitlines()) == 1
    path = with_card(tmp_path / "ours.tflite", crafted.constant([0.5, 0.3, 0.2]), crafted.card(("a", "b", "c"), (4, 6)))
    assert check.run(replace(request(path), json="-")) == 3
    said = capsys.readouterr()
    assert json.loads(said.out)["results"][0]["passed"] is None
    assert said.err.startswith(f"can't tell: {path}")


def test_a_third_party_file_as_it_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.run(request(shared("models/pretrainedResnet.tflite"))) == 3
    said = capsys.readouterr()
    assert (said.out, len(said.err.splitlines())) == ("", 1)


@pytest.mark.parametrize("cut", [0.3, 0.9])
def test_a_truncated_file_is_refused(cut: float, tmp_path: Path) -> None:
    """In the network, and in the archive behind it."""
    whole = model("int8").read_bytes()
    path = crafted.write(tmp_path / "cut.tflite", whole[: int(cut * len(whole))])
    with pytest.raises(UserError, match=rf"{path}: .*truncated"):
        check.run(request(path))


def test_a_refusal_ends_with_2(command: Run, tmp_path: Path) -> None:
    crafted.write(tmp_path / "cut.tflite", model("int8").read_bytes()[:9000])
    assert refusal(command("device", "check", "cut.tflite", "--json", "out.json")).startswith("cut.tflite: ")
    assert names(tmp_path) == ["cut.tflite"]


def test_what_cannot_be_checked_is_refused() -> None:
    ours = model("int8")
    for path in (Path("none.tflite"), Path()):
        with pytest.raises(UserError, match=f"{path}: "):
            check.run(request(path))
    with pytest.raises(UserError, match="--mean"):
        check.run(replace(request(ours), overrides=Overrides(mean=3.0)))
    with pytest.raises(UserError, match="none: "):
        check.run(request(ours, "./none"))
    with pytest.raises(UserError, match="'never_heard_of'"):
        check.run(request(ours, "never_heard_of"))


def test_golden_images_and_data_in_one_call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = drawing.write_folder(tmp_path / "shapes", {None: 60})
    assert check.run(request(model("int8"), str(folder))) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert "PASS: 5 golden images" in said.out and "as configured" in said.out
    assert said.out.splitlines()[-1] == "no known preprocessing mismatch gets significantly more of these images right"


def test_altering_nothing_gives_the_same_file(tmp_path: Path) -> None:
    """What these tests build differs from the committed files in what they say alone."""
    assert altering.altered(tmp_path / "net.tflite", "int8").read_bytes() == model("int8").read_bytes()
