"""A folder that is watched: what is new comes once, whole and in order, also after the folder was away."""

import json
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from device.errors import UserError
from device.live import reader, sources
from device.live.interfaces.frames import Frame, SourceLostError
from device.live.reader import Reader
from device.live.sources import watched_folder
from device.live.sources.watched_folder import WatchedFolder
from tests.device.classifying import INT8, draw
from tests.device.feeding import wait_for
from tests.limits import limits

LIMIT_S = 30


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    limits(monkeypatch, watched_folder, LOOK_S=0.02)
    limits(monkeypatch, reader, FIRST_PAUSE_S=0.01, LONGEST_PAUSE_S=0.05)


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    """One image is there from the beginning."""
    draw(tmp_path / "shots/old.png", "circle")
    return tmp_path / "shots"


@pytest.fixture
def running(shots: Path) -> Iterator[Reader[Frame]]:
    source = sources.options(str(shots), {"follow": True}).source((32, 32))
    with Reader(source, lambda frame: frame) as reading:
        wait_for(lambda: reading.state.is_opened)
        yield reading


def name_of_next(running: Reader[Frame]) -> str:
    frame = running.take(LIMIT_S)
    assert frame is not None and frame.name is not None
    return Path(frame.name).name


def test_what_appears_comes_once_and_in_order_of_time(shots: Path, running: Reader[Frame]) -> None:
    for name in "cab":
        draw(shots / f"{name}.png", "circle")
    assert [name_of_next(running) for _ in range(3)] == ["c.png", "a.png", "b.png"]
    draw(shots / "old.png", "square", seed=5)
    assert name_of_next(running) == "old.png"
    draw(shots / "below/hidden.png", "square")
    draw(shots / "last.png", "square")
    assert name_of_next(running) == "last.png"
    assert running.take(0.2) is None and running.state.dropped == 0


def test_none_is_lost_while_nobody_takes_them(shots: Path, running: Reader[Frame]) -> None:
    names = [f"{number:02}.png" for number in range(40)]
    for name in names:
        draw(shots / name, "circle")
    time.sleep(0.2)
    assert [name_of_next(running) for _ in names] == names


def test_a_file_comes_when_it_is_whole(shots: Path, running: Reader[Frame]) -> None:
    content = (shots / "old.png").read_bytes()
    with (shots / "slow.png").open("wb", buffering=0) as file:
        assert running.take(0.2) is None, "an empty file is being written"
        for at in range(0, len(content), 200):
            file.write(content[at : at + 200])
    assert name_of_next(running) == "slow.png"


def test_a_broken_one_is_said_and_passed_over(
    shots: Path, running: Reader[Frame], capsys: pytest.CaptureFixture[str]
) -> None:
    (shots / "broken.png").write_bytes(b"no image")
    wait_for(lambda: running.state.unusable == 1)
    draw(shots / "good.png", "circle")
    assert name_of_next(running) == "good.png"
    assert "broken.png" in capsys.readouterr().err


def test_a_folder_may_go_and_come_back(shots: Path, running: Reader[Frame]) -> None:
    away = shots.rename(shots.with_name("away"))
    wait_for(lambda: not running.state.is_streaming)
    assert str(shots) in running.state.message
    draw(away / "while_away.png", "circle")
    away.rename(shots)
    assert name_of_next(running) == "while_away.png"
    shutil.rmtree(shots)
    wait_for(lambda: running.state.lost == 2)
    draw(shots / "anew.png", "circle")
    assert name_of_next(running) == "anew.png"
    assert running.take(0.2) is None and running.state.is_streaming


def test_a_file_that_went_with_its_folder_comes_later(shots: Path) -> None:
    source = WatchedFolder(str(shots))
    source.open()
    draw(shots / "one.png", "circle")
    draw(shots / "two.png", "circle")
    first = source.read()
    away = shots.rename(shots.with_name("away"))
    with pytest.raises(SourceLostError, match="shots"):
        source.read()
    away.rename(shots)
    source.open()
    second = source.read()
    assert [frame and Path(str(frame.name)).name for frame in (first, second)] == ["one.png", "two.png"]


def test_a_wait_is_ended(shots: Path) -> None:
    source = WatchedFolder(str(shots))
    source.open()
    threading.Timer(0.1, source.cancel).start()
    assert source.read() is None


@pytest.mark.parametrize(
    ("where", "options", "expected"),
    [
        ("shots/old.png", {}, "--follow: .*no folder"),
        ("shots/*.png", {}, "--follow: .*no folder"),
        ("shots", {"loop": True}, "--loop and --follow"),
        ("nowhere", {}, "--source nowhere: "),
    ],
)
def test_what_cannot_be_followed(
    shots: Path, monkeypatch: pytest.MonkeyPatch, where: str, options: dict[str, Any], expected: str
) -> None:
    monkeypatch.chdir(shots.parent)
    with pytest.raises(UserError, match=expected):
        sources.options(where, {"follow": True, **options}).source((32, 32))


@pytest.mark.programs
def test_on_the_command_line(live: Any, shots: Path, tmp_path: Path) -> None:
    running = live(INT8, "--source", shots, "--follow", "--threads", 1)
    running.wait_for("waiting for new images")
    draw(shots / "new.png", "square")
    answer = running.next()
    assert (answer["image"], answer["label"]) == (str(shots / "new.png"), "square"), json.dumps(answer)
    returned, said, _ = running.end(signal.SIGTERM)
    assert returned == 0, said
