"""Golden images: they fit the archive whatever the model, and every variant replays them to what was recorded."""

import hashlib
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from device.images import images
from device.inference.classifier import Classifier
from device.inference.golden import record, rounded
from device.model import card as cards
from device.model.card import Card, Golden, InputSpec
from device.model.variants import BY_NAME, DEFAULT
from export.card import golden
from tests import drawing, foreign
from tests.conftest import model


def sha256(array: npt.NDArray[Any]) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()


@pytest.mark.parametrize("variant", DEFAULT)
def test_every_variant_replays_its_golden_images(variant: str) -> None:
    """Each stage done here by hand, from the bytes in the file's archive."""
    path = model(variant)
    classifier, archive = Classifier(path), cards.read_archive(path)
    assert len(classifier.card.golden) == 5
    assert classifier.card.golden_source == "drawn"
    for entry in classifier.card.golden:
        decoded = images.decode(archive[entry.image])
        resized = images.preprocess(decoded, (16, 16), "crop")
        tensor = classifier.preprocessor.tensor(resized)
        assert decoded.shape != resized.shape, "crop and resize have something to do"
        assert (sha256(decoded), sha256(resized)) == (entry.decoded_sha256, entry.resized_sha256)
        assert sha256(tensor) == entry.input_sha256
        classifier.invoke(tensor)
        scores = classifier.scores()
        np.testing.assert_allclose(scores, entry.scores, atol=entry.tolerance)
        assert int(scores.argmax()) == int(np.argmax(entry.scores))
        assert sum(entry.scores) == pytest.approx(1, abs=0.02)


def test_all_variants_carry_the_same_images() -> None:
    archives = [cards.read_archive(model(variant)) for variant in DEFAULT]
    for name in (f"golden_{i}.png" for i in range(1, 6)):
        assert len({archive[name] for archive in archives}) == 1
    found = {variant: Classifier(model(variant)).card.golden for variant in DEFAULT}
    assert len({tuple(entry.resized_sha256 for entry in entries) for entries in found.values()}) == 1
    # float files are fed float32, int8 takes bytes.
    assert [len({entries[i].input_sha256 for entries in found.values()}) for i in range(5)] == [2] * 5
    assert found["float32"][0].tolerance < found["int8"][0].tolerance


def test_an_image_that_is_not_the_golden_one_is_noticed() -> None:
    path = model("int8")
    classifier, archive = Classifier(path), cards.read_archive(path)
    first, second = classifier.card.golden[:2]
    assert sha256(images.decode(archive[second.image])) != first.decoded_sha256
    answer = classifier.classify(images.decode(archive[second.image])[:, ::-1])
    assert np.abs(answer.scores - np.array(first.scores)).max() > first.tolerance


def test_record_says_what_the_very_file_answers(tmp_path: Path) -> None:
    path = model("float16")
    chosen = golden.choose(foreign.images(20, seed=1), "test", drawing.LABELS, seed=1)
    classifier = Classifier(path)
    entries = record(classifier, chosen.files, BY_NAME["float16"].tolerance)
    for entry in entries:
        scores = classifier.classify(images.decode(chosen.files[entry.image])).scores
        np.testing.assert_allclose(entry.scores, scores, atol=1e-6)
    assert len(entries) == 5


def test_the_seed_chooses() -> None:
    candidates = foreign.images(20, seed=1)
    first, again, other = (golden.choose(candidates, "test", drawing.LABELS, seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    originals = {image.tobytes() for image in candidates}
    decoded = [images.decode(data).tobytes() for data in first.files.values()]
    assert set(decoded) <= originals
    assert len(set(decoded)) == 5


def test_fewer_than_five_images() -> None:
    assert len(golden.choose(foreign.images(2, seed=1), "calibration", drawing.LABELS, seed=1).files) == 2


def photographs(count: int, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """As hard to compress as a photograph: shapes under coarse and fine noise."""
    random = np.random.default_rng(1)
    height, width = size
    whole = []
    for _ in range(count):
        coarse = random.integers(0, 256, (height // 4 + 1, width // 4 + 1, 3), np.uint8)
        blocks = coarse.repeat(4, axis=0).repeat(4, axis=1)[:height, :width].astype(np.int16)
        whole.append(np.clip(blocks + random.integers(-12, 13, (height, width, 3)), 0, 255).astype(np.uint8))
    return np.stack(whole)


def archive_bytes(labels: tuple[str, ...], chosen: golden.Set, size: tuple[int, int]) -> int:
    """The archive of a model with such labels and golden images; its scores are as long as scores can be."""
    scores = np.full(len(labels), 0.123456, np.float32)
    entries = tuple(Golden(name, "0" * 64, "1" * 64, "2" * 64, rounded(scores), 24 / 256) for name in chosen.files)
    base = cards.read(model("int8"))
    assert base is not None
    whole: Card = replace(base, labels=labels, input=InputSpec(*size), golden=entries, golden_source=chosen.source)
    return len(cards.append_archive(b"", whole, chosen.files))


SHORT = tuple(f"label {i}" for i in range(10))
HUNDRED = tuple(f"{i} {'a rather long name of a thing ' * 2}" for i in range(100))
IMAGENET = tuple(f"class {i}, also called something longer" for i in range(1001))


@pytest.mark.parametrize(
    ("labels", "size", "limit", "kind"),
    [
        (SHORT, (28, 28), 32_000, "png"),
        (SHORT, (32, 32), 32_000, "png"),
        (SHORT, (64, 64), 32_000, "jpg"),  # five such PNG files take 50 KB
        (SHORT, (224, 224), 32_000, "jpg"),
        (SHORT, (1024, 512), 32_000, "jpg"),
        (HUNDRED, (224, 224), 32_000, "jpg"),
        (IMAGENET, (224, 224), 128_000, "jpg"),
    ],
)
def test_the_archive_is_within_its_limit(labels: tuple[str, ...], size: tuple[int, int], limit: int, kind: str) -> None:
    chosen = golden.choose(photographs(6, size), "test", labels, seed=1)
    assert {name.rpartition(".")[2] for name in chosen.files} == {kind}
    assert archive_bytes(labels, chosen, size) <= limit
    assert all(images.decode(data).shape[0] >= 16 for data in chosen.files.values())


def test_room_that_is_there_is_used() -> None:
    """224x224 with ten labels: the images keep their size, and most of the archive is theirs."""
    chosen = golden.choose(photographs(6, (224, 224)), "test", SHORT, seed=1)
    smooth = golden.encode([np.full((224, 224, 3), 90, np.uint8)] * 5, SHORT)
    assert all(images.decode(data).shape == (224, 224, 3) for data in smooth.values())
    assert sum(map(len, chosen.files.values())) > 10_000


def test_more_labels_than_the_archive_holds_still_end() -> None:
    labels = tuple(f"class number {i}" for i in range(9000))
    chosen = golden.choose(photographs(5, (224, 224)), "test", labels, seed=1)
    assert len(chosen.files) == 5
    assert max(map(len, chosen.files.values())) < 3000


def test_with_many_labels_the_five_highest_scores_are_kept() -> None:
    scores = np.linspace(0, 1, 1001, dtype=np.float32)
    kept = rounded(scores)
    assert [entry["index"] for entry in kept] == [1000, 999, 998, 997, 996]
    assert kept[0]["score"] == 1.0
    assert rounded(scores[:100]) == tuple(round(float(score), 6) for score in scores[:100])


def test_drawn_images_are_drawn_by_the_seed_alone() -> None:
    first, again = golden.drawn((28, 28), SHORT, 1), golden.drawn((28, 28), SHORT, 1)
    assert first == again
    assert first.source == "drawn"
    shapes = {images.decode(data).shape for data in first.files.values()}
    assert shapes == {(48, 62, 3)}, "larger than the network's size, and of another shape"


def test_the_committed_files_show_their_card_to_unzip() -> None:
    """Stored, dated 1980, readable with any ZIP tool; the whole archive is small."""
    for variant in DEFAULT:
        path = model(variant)
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            assert archive.namelist()[:2] == ["card.json", "labels.txt"]
            assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
            assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
            assert json.loads(archive.read("card.json"))["variant"] == variant
        assert cards.archive_bytes(path) <= 32_000
