"""What `select` chooses of rows written by hand, and what it keeps of the choice."""

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.documents.rows import FrameSeries, LatencyRow, Timed
from benchmarks.select import choose
from benchmarks.select.choose import SelectedFile
from device.errors import UserError
from device.live import selection
from device.live.selection import Selection
from tests.conftest import model

# What eight processes make of everything that runs in them, and of one case alone.
SHARED = (1.0, 1.06, 0.95, 1.1, 0.97, 1.02, 0.93, 1.04)
OWN = (1.0, 1.01, 0.99, 1.004, 0.996, 1.006, 0.994, 1.002)


def row(file: str, p50_ms: float | None, top1: float | None = 0.9, threads: int = 1, **changes: Any) -> LatencyRow:
    """frame_ms: the frame's way, 1 ms more than invoke unless it is given; processes: so many timed it; own: how it
    fared in each of them beside the others; n: of its accuracy.
    """
    frame_ms = changes.pop("frame_ms", None if p50_ms is None else p50_ms + 1)
    processes, own = changes.pop("processes", 8), changes.pop("own", (1.0,) * 8)

    def timed(p50_ms: float | None) -> Timed:
        if p50_ms is None:
            return Timed(p50_ms=None)
        medians = tuple(p50_ms * ours * theirs for ours, theirs in zip(SHARED, own, strict=True))[:processes]
        ends = None if processes < 6 else (min(medians), max(medians))
        return Timed(p50_ms=p50_ms, p50_interval_ms=ends, p50_by_process_ms=medians)

    made = LatencyRow(
        file=f"{file}.tflite",
        sha256=f"of {file}",
        threads=threads,
        runtime="litert",
        **vars(timed(p50_ms)),
        frame=None if frame_ms is None else FrameSeries(**vars(timed(frame_ms))),
        top1=top1,
        accuracy_n=changes.pop("n", 10_000),
    )
    return replace(made, **changes)


def right(n: int, *wrong: int) -> dict[str, bool]:
    """About which of n images a file is right: all but those."""
    return {str(image): image not in wrong for image in range(n)}


def chosen(*rows: LatencyRow, most_drop: float = 0.01) -> tuple[str, int]:
    found = choose.choose(rows, most_drop).chosen
    return found.file.removesuffix(".tflite"), found.threads


def why(choice: SelectedFile) -> list[str | None]:
    return [reason for _, reason in choice.rows]


def test_the_fastest_of_those_that_are_alike() -> None:
    found = choose.choose([row("float32", 4.0), row("int8", 1.0), row("float16", 3.0)], 0.01)
    assert found.chosen.file == "int8.tflite"
    assert why(found) == ["2.50 times as slow", None, "2.00 times as slow"]  # of a frame's way


@pytest.mark.parametrize(("most_drop", "expected"), [(0.01, "float32"), (0.045, "int8"), (0.6, "tiny")])
def test_the_drop_counts_from_the_most_accurate(most_drop: float, expected: str) -> None:
    """By the cards, of 10,000 images each: 3 points are lost for certain, but 1 point isn't."""
    rows = [row("float32", 4.0, 0.93), row("int8", 2.0, 0.90), row("tiny", 1.0, 0.45)]
    assert chosen(*rows, most_drop=most_drop) == (expected, 1)
    found = choose.choose(rows, 0.01)
    first, *others = why(found)
    assert first is None
    assert [reason.partition(" (")[0] for reason in others if reason] == ["loses 3.00", "loses 48.00"]
    assert [found.losses.of[f"of {name}"].standing for name in ("float32", "int8", "tiny")] == [
        *("best", "beyond", "beyond")
    ]
    assert not found.losses.paired and "by the cards, not paired" in choose.lines(found)[-2]


def test_what_cannot_be_told_from_the_best_stays_in() -> None:
    """On 200 images 91 and 88.5 % are no different; on 20,000 they are."""
    few = [row("float32", 4.0, 0.91, n=200), row("int8", 2.0, 0.885, n=200)]
    found = choose.choose(few, 0.01)
    assert found.chosen.file == "int8.tflite" and found.losses.of["of int8"].standing == "can't tell"
    assert choose.lines(found)[-1].startswith("int8.tflite may be as good as the best: it loses 2.50 (-")
    many = [row("float32", 4.0, 0.91, n=20_000), row("int8", 2.0, 0.885, n=20_000)]
    assert chosen(*many) == ("float32", 1)
    assert choose.choose(many, 0.04).losses.of["of int8"].standing == "within"


def test_answers_about_the_same_images_tell_more_than_two_shares() -> None:
    """Seven of 200 images are lost and none is won: by the shares alone, 97.5 and 94 %, it might lose nothing."""
    lost = (0, 1, 2, 3, 4, 5, 6)
    rows = [row("float32", 4.0, 195 / 200, n=200), row("int8", 2.0, 188 / 200, n=200)]
    answers = {"of float32": right(200, *range(100, 105)), "of int8": right(200, *range(100, 105), *lost)}
    assert chosen(*rows, most_drop=0.001) == ("int8", 1)
    found = choose.choose(rows, 0.001, answers)
    assert (found.chosen.file, found.losses.of["of int8"].standing) == ("float32.tflite", "beyond")
    (first, second) = choose.selected_rows(found)
    assert (first.standing, first.loss) == ("best", None)
    assert second.standing == "beyond" and second.loss == pytest.approx((0.00594, 0.035, 0.06337), abs=1e-5)
    assert "paired, 200 images" in "\n".join(choose.lines(found))
    # Equal ones, and as many lost as won, not clearly faster than it.
    answers = {"of float32": right(200, *range(7)), "of int8": right(200, *range(7, 14))}
    rows = [row("float32", 4.0, 193 / 200, n=200), row("int8", 2.0, 193 / 200, n=200)]
    assert choose.choose(rows, 0.01, answers).losses.of["of int8"].standing == "can't tell"
    with pytest.raises(UserError, match="no images in common"):
        choose.choose(rows, 0.01, {"of float32": {"a": True}, "of int8": {"b": True}})


def test_the_most_accurate_may_be_the_fastest_too() -> None:
    assert chosen(row("float32", 4.0, 0.90), row("int8", 1.0, 0.92)) == ("int8", 1)


def test_where_two_cannot_be_told_apart_fewer_threads_are_chosen() -> None:
    rows = [row("int8", 1.00, own=OWN), row("int8", 0.999, threads=2), row("int8", 0.998, threads=4, own=OWN[::-1])]
    found = choose.choose(rows, 0.01)
    assert found.chosen.threads == 1
    assert why(found) == [None, "not clearly faster than fewer threads", "not clearly faster than fewer threads"]
    rows = [row("int8", 1.00), row("int8", 0.70, threads=2), row("int8", 0.699, threads=4, own=OWN)]
    assert chosen(*rows) == ("int8", 2)


def test_threads_are_compared_within_processes() -> None:
    """What a process does to all that run in it is more than 7 %: their intervals overlap, their ratios agree."""
    rows = [row("int8", 1.00, own=OWN, frame_ms=None), row("int8", 0.93, threads=2, frame_ms=None)]
    one_ms, two_ms = (timed.p50_interval_ms for timed in rows)
    assert one_ms and two_ms and one_ms[0] < two_ms[1]
    found = choose.choose(rows, 0.01)
    assert found.chosen.threads == 2 and why(found) == ["1.08 times as slow", None]


def test_fewer_than_six_processes_say_nothing() -> None:
    """Fewer threads are chosen, though the others' raw figure is shorter; and that is said."""
    rows = [row("int8", 1.00, processes=5), row("int8", 0.50, threads=2, processes=5)]
    found = choose.choose(rows, 0.01)
    assert found.chosen.threads == 1 and why(found) == [None, "too few processes"]
    assert "with fewer than 6 processes the fewest threads are chosen" in choose.lines(found)[-1]
    # One that fewer processes timed beside others that enough did.
    rows = [row("int8", 1.00), row("int8", 0.90, threads=2), row("float16", 0.1, threads=1, processes=3)]
    found = choose.choose(rows, 0.01)
    assert (found.chosen.file, found.chosen.threads) == ("int8.tflite", 2)
    assert why(found)[2] == "too few processes"


def test_what_is_compared_is_what_must_differ() -> None:
    """A frame's way that hides what invoke shows, and the other way round."""
    rows = [row("int8", 1.0, threads=1, frame_ms=20.0, own=OWN), row("int8", 0.8, threads=2, frame_ms=19.99)]
    assert chosen(*rows) == ("int8", 1)
    rows = [row("int8", 1.0, threads=1, frame_ms=20.0), row("int8", 1.0, threads=2, frame_ms=15.0)]
    assert chosen(*rows) == ("int8", 2)
    rows = [row("int8", 1.0, threads=1, frame_ms=None), row("int8", 0.8, threads=2, frame_ms=20.0)]
    assert chosen(*rows) == ("int8", 2)


def test_none_that_was_not_chosen_is_faster_on_as_few_threads() -> None:
    """Another file, between the two that can't be told apart."""
    rows = [row("a", 1.000, threads=2), row("a", 1.003, threads=1, own=OWN), row("b", 1.002, threads=1)]
    found = choose.choose(rows, 0.01)
    assert (found.chosen.file, found.chosen.threads) == ("b.tflite", 1)
    assert why(found) == ["not clearly faster than fewer threads", "not clearly faster than the chosen one", None]


def test_a_frame_s_way_counts_not_invoke_alone() -> None:
    rows = [row("wide", 1.0, frame_ms=9.0), row("small", 2.0, frame_ms=3.0)]
    assert chosen(*rows) == ("small", 1)


def test_one_without_a_frame_s_way_is_compared_by_invoke() -> None:
    """A stranger's file, whose accuracy was measured: its invoke must not win against another's whole way."""
    mine, stranger = row("mine", 4.0, frame_ms=6.0), row("stranger", 5.0, frame_ms=None)
    found = choose.choose([mine, stranger], 0.01)
    assert found.chosen.file == "mine.tflite"
    assert why(found) == [None, "1.25 times as slow"]
    # One that can't be chosen has no say in it.
    unknown = row("unknown", 0.1, top1=None, frame_ms=None)
    assert chosen(row("wide", 1.0, frame_ms=9.0), row("small", 2.0, frame_ms=3.0), unknown) == ("small", 1)


def test_one_whose_accuracy_is_not_known_is_not_chosen() -> None:
    found = choose.choose([row("unknown", 1.0, top1=None), row("int8", 2.0)], 0.01)
    assert found.chosen.file == "int8.tflite" and why(found) == ["its accuracy is unknown", None]
    with pytest.raises(UserError, match="--data"):
        choose.choose([row("unknown", 1.0, top1=None)], 0.01)


def test_one_that_failed_is_not_chosen_and_no_measure() -> None:
    failed = row("best", None, 0.99, error="the model failed while running: index out of bounds")
    found = choose.choose([failed, row("int8", 2.0)], 0.01)
    assert found.chosen.file == "int8.tflite" and why(found) == [failed.error, None]
    with pytest.raises(UserError, match=r"none could be measured; best\.tflite: the model failed while running: index"):
        choose.choose([failed, replace(failed, threads=2)], 0.01)


def test_the_table_begins_with_the_chosen_one() -> None:
    rows = [
        row("broken", None, error="no kernel"),
        row("float32", 4.0, 0.93),
        row("int8", 2.0, 0.929, threads=2),
        row("stranger", 0.1, None, frame_ms=None),
    ]
    lines = choose.lines(choose.choose(rows, 0.01))
    assert lines[0].split() == [*("model", "threads", "frame", "ms", "invoke", "ms", "accuracy", "to", "the", "best")]
    assert [line.split()[0] for line in lines[2:6]] == ["int8", "stranger", "float32", "broken"]
    assert lines[2].split()[1:] == ["2", "3.00", "2.00", "92.90", "%", "within", "chosen"]
    assert lines[3].split()[1:4] == ["1", "-", "0.100"] and lines[5].endswith("no kernel")


def test_the_selection_lies_anywhere_and_the_model_is_found_from_there(tmp_path: Path) -> None:
    """Beside it, elsewhere, through a link; and both can be moved together."""
    (tmp_path / "run/export").mkdir(parents=True)
    path = Path(shutil.copy(model("int8"), tmp_path / "run/export"))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    choice = choose.choose([row("shapes_int8", 1.0, threads=2, sha256=digest)], 0.01)
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/link").symlink_to(tmp_path / "run", target_is_directory=True)
    for place in ("run/selection.json", "other/deep/mine.json", "a/b/link/again.json"):
        choose.keep(tmp_path / place, path, choice)
        found = selection.read(tmp_path / place)
        assert found.path.samefile(path) and (found.threads, found.runtime) == (2, "litert")
    shutil.move(tmp_path / "run", tmp_path / "moved")
    assert selection.read(tmp_path / "moved") == Selection(tmp_path / "moved/export/shapes_int8.tflite", 2, "litert")
