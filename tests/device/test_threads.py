"""How many threads are fastest: which numbers are tried, what is kept, and when it is tried again."""

import json
from pathlib import Path

import pytest

from device import board, folders, runtime
from device.contract import NO_HINTS
from device.live import live, threads
from device.live.live import Request
from tests.conftest import model

RUNTIME = runtime.find()


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """On a machine of four cores: the numbers of each trial. A short one; two threads win, which is told by hand."""
    seen: list[list[int]] = []

    def fastest(interpreters: dict[int, object]) -> int:
        seen.append(sorted(interpreters))
        return 2

    monkeypatch.setattr(board, "usable_cores", lambda: 4)
    monkeypatch.setattr(threads, "_fastest", fastest)
    return seen


@pytest.mark.parametrize(
    ("cores", "expected"), [(1, [1]), (2, [1, 2]), (3, [1, 2, 3]), (4, [1, 2, 4]), (6, [1, 2, 4, 6]), (8, [1, 2, 4, 8])]
)
def test_powers_of_two_and_all_cores_are_tried(cores: int, expected: list[int]) -> None:
    assert board.thread_counts(cores) == expected


def test_a_trial_chooses_one_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "TRIAL_S", 0.05)
    interpreters = {count: RUNTIME.open(model("int8"), count) for count in (1, 2)}
    assert threads._fastest(interpreters) in (1, 2)


def test_one_core_is_not_tried(monkeypatch: pytest.MonkeyPatch, tried: list[list[int]]) -> None:
    monkeypatch.setattr(board, "usable_cores", lambda: 1)
    assert threads.best(model("int8"), RUNTIME) == 1
    assert tried == []


def test_it_is_tried_once_for_a_file(tried: list[list[int]]) -> None:
    assert threads.kept(model("int8"), RUNTIME) is None
    for _ in range(3):
        assert threads.best(model("int8"), RUNTIME) == 2
    assert tried == [[1, 2, 4]]
    assert threads.kept(model("int8"), RUNTIME) == 2
    assert threads.kept(model("float32"), RUNTIME) is None
    assert threads.best(model("float32"), RUNTIME) == 2
    assert len(json.loads((folders.cache_root() / "threads.json").read_bytes())) == len(tried) == 2


@pytest.mark.parametrize("damage", ["no JSON", "[1]", "null", None, 0, "two", 99, 1.5])
def test_what_was_kept_and_makes_no_sense_is_tried_again(damage: object, tried: list[list[int]]) -> None:
    threads.best(model("int8"), RUNTIME)
    path = folders.cache_root() / "threads.json"
    if isinstance(damage, str) and damage != "two":
        path.write_text(damage)
    else:
        path.write_text(json.dumps(dict.fromkeys(json.loads(path.read_bytes()), damage)))
    assert threads.best(model("int8"), RUNTIME) == 2
    assert len(tried) == 2


def test_where_it_can_not_be_kept_it_goes_on(
    tmp_path: Path, tried: list[list[int]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FRAMELITE_CACHE", str(tmp_path / "file"))
    assert threads.best(model("int8"), RUNTIME) == 2
    assert "the number of threads can't be kept" in capsys.readouterr().err


def test_a_model_that_replaces_another_is_not_tried_meanwhile(tried: list[list[int]]) -> None:
    """A trial would hold up the answers for a second: it keeps the number before, or takes what is known of it."""
    request = Request(model("float32"), "test", NO_HINTS)
    assert live._load(request, threads_before=3).threads == 3
    assert tried == []
    assert live._load(request).threads == 2
    assert live._load(request, threads_before=3).threads == 2
    assert len(tried) == 1
