"""Where results can't go: said before anything is measured, and nothing is written."""

from pathlib import Path

import pytest

from tests.conftest import Run, model
from tests.device.refusals import names, refusal

pytestmark = pytest.mark.programs


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (["latency", model("int8"), "--json", "there"], "--json"),
        (["accuracy", model("int8"), "--json", "there"], "--json"),
        (["compare", model("int8"), "--json", "there"], "--json"),
        (["select", model("int8"), "--json", "there"], "--json"),
        (["select", model("int8"), "-o", "there"], "--into"),
        (["gate", model("int8"), model("int8"), "--json", "there"], "--json"),
        (["gate", model("int8"), model("int8"), "--junit", "there"], "--junit"),
        (["gate", model("int8"), model("int8"), "--markdown", "there"], "--markdown"),
        (["gate", "--qualify", "--json", "there"], "--json"),
        (["report", "result.json", "-o", "there"], "--into"),
        (["board", "127.0.0.1", model("int8"), "--port", 1, "--json", "there"], "--json"),
    ],
)
def test_a_folder_where_a_file_is_to_be(words: list[object], option: str, command: Run, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    done = command("benchmarks", *words)
    assert refusal(done) == f"there: this is a directory, expected a file; choose another place with {option}"
    assert done.stdout == "" and names(tmp_path) == ["there"]


def test_a_file_where_a_folder_is_to_be(command: Run, tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    done = command("benchmarks", "latency", model("int8"), "--json", "there/out.json")
    reason = "this is a file, expected a folder; choose another place with --json"
    assert refusal(done) == f"{tmp_path}/there: {reason}"
    assert names(tmp_path) == ["there"]


def test_a_baselines_folder(command: Run, tmp_path: Path) -> None:
    (tmp_path / "there.json").mkdir()
    done = command("benchmarks", "baseline", model("int8"), "-o", "there.json")
    assert refusal(done) == "there.json: this is a directory, expected a file; choose another place with -o"
