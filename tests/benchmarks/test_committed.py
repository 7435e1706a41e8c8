"""REF:PATH in real repositories: what is found there, from where it counts, and what git refuses."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.gate import committed
from device.errors import UserError
from tests.conftest import model
from tests.device.refusals import names

Git = Callable[..., None]


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Git:
    """Git in a repository that nobody's settings and no repository around it reach; the test stands in its top."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "Tester")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "tester@localhost")
    top = tmp_path / "repository"
    top.mkdir()
    monkeypatch.chdir(top)

    def run(*words: str) -> None:
        subprocess.run(["git", *words], check=True, capture_output=True, timeout=60)

    run("init", "--initial-branch=main")
    return run


@pytest.fixture
def repository(git: Git, tmp_path: Path) -> Path:
    """models/net.tflite in two versions: `v1` and what `main` has; a folder for what is taken."""
    into = tmp_path / "taken"
    into.mkdir()
    Path("models").mkdir()
    for version, tag in ((b"one\r\n\x00", "v1"), (b"two", None)):
        Path("models/net.tflite").write_bytes(version)
        git("add", ".")
        git("commit", "-m", "A network")
        if tag:
            git("tag", tag)
    Path("models/net.tflite").write_bytes(b"not committed")
    return into


def test_what_is_committed_and_not_what_lies_there(repository: Path) -> None:
    for reference, data in (("main", b"two"), ("v1", b"one\r\n\x00"), ("HEAD~1", b"one\r\n\x00")):
        path = committed.take(f"{reference}:models/net.tflite", repository)
        assert path == repository / "net.tflite" and path.read_bytes() == data


def test_from_a_folder_below(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By where the user is, or by where it is in the repository."""
    monkeypatch.chdir("models")
    for path in ("net.tflite", "./net.tflite", "models/net.tflite", "../models/net.tflite"):
        assert committed.take(f"main:{path}", repository).read_bytes() == b"two"


def test_where_both_could_be_meant_it_is_the_one_beside_the_user(
    git: Git, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("net.tflite").write_bytes(b"the top's")
    git("add", "net.tflite")
    git("commit", "-m", "Another")
    assert committed.take("main:net.tflite", repository).read_bytes() == b"the top's"
    monkeypatch.chdir("models")
    assert committed.take("main:net.tflite", repository).read_bytes() == b"two"


def test_a_whole_model(git: Git, repository: Path) -> None:
    data = model("int8").read_bytes()
    Path("shapes.tflite").write_bytes(data)
    git("add", "shapes.tflite")
    git("commit", "-m", "Shapes")
    assert committed.take("main:shapes.tflite", repository).read_bytes() == data


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("main:models/none.tflite", "main:models/none.tflite: path 'models/none.tflite' "),
        ("v9:models/net.tflite", "v9:models/net.tflite: invalid object name 'v9'"),
        ("main:models", "main:models: git cat-file main:models: bad file"),
        (":models/net.tflite", ":models/net.tflite: expected REF:PATH,"),
        ("main:", "main:: expected REF:PATH,"),
        ("--output=x:net.tflite", "--output=x:net.tflite: --output=x "),
        ("-p:net.tflite", "-p:net.tflite: -p "),
    ],
)
def test_what_is_refused(name: str, said: str, repository: Path) -> None:
    with pytest.raises(UserError) as refused:
        committed.take(name, repository)
    assert str(refused.value).startswith(said)
    assert names(repository) == [] and names(Path()) == [".git", "models"]


def test_a_pointer_to_a_large_file(git: Git, repository: Path) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + 64 * "a" + "\nsize 12345\n"
    Path("large.tflite").write_text(pointer)
    git("add", "large.tflite")
    git("commit", "-m", "A pointer")
    with pytest.raises(UserError, match="Git LFS") as refused:
        committed.take("main:large.tflite", repository)
    assert "git cat-file blob main:large.tflite | git lfs smudge" in str(refused.value)
    assert names(repository) == []


def test_outside_of_a_repository(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"^main:net\.tflite: .*git"):
        committed.take("main:net.tflite", repository)


def test_without_git(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"git .*REF:PATH"):
        committed.take("main:models/net.tflite", repository)


# The candidate's own path in a release.


def test_the_same_path_in_a_release(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for candidate in (
        Path("models/net.tflite"),
        Path("models/net.tflite").absolute(),
        Path("models/../models/net.tflite"),
    ):
        assert committed.since("v1", candidate) == "v1:models/net.tflite"
    monkeypatch.chdir("models")
    assert committed.since("v1", Path("net.tflite")) == "v1:net.tflite"
    assert committed.take("v1:net.tflite", repository).read_bytes() == b"one\r\n\x00"
    Path("below").mkdir()
    monkeypatch.chdir("below")
    name = committed.since("v1", Path("../net.tflite"))
    assert committed.take(name, repository).read_bytes() == b"one\r\n\x00"


@pytest.mark.parametrize(
    ("reference", "candidate", "said"),
    [
        ("v9", "models/net.tflite", "--since v9: "),
        ("v1", "models/new.tflite", "--since v1: path 'models/new.tflite' "),
        ("v1", "/elsewhere/net.tflite", "--since v1: "),
        ("v1:models", "models/net.tflite", "--since v1:models: expected "),
        ("-p", "models/net.tflite", "--since -p: expected "),
        ("", "models/net.tflite", "--since : expected "),
    ],
)
def test_no_such_release_or_not_in_it(reference: str, candidate: str, said: str, repository: Path) -> None:
    with pytest.raises(UserError) as refused:
        committed.since(reference, Path(candidate))
    assert str(refused.value).startswith(said) and "\n" not in str(refused.value)
    if "expected" not in said:
        assert f"BASE as {reference}:PATH; " in str(refused.value) and "git fetch --tags" in str(refused.value)


def test_a_release_without_git(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"--since v1: git .*BASE"):
        committed.since("v1", Path("models/net.tflite"))


def test_what_can_only_be_committed(git: Git) -> None:
    assert committed.is_committed("main:net.tflite") and committed.is_committed("v1:./a/b.tflite")
    assert not committed.is_committed("net.tflite")
    Path("a:b.tflite").write_bytes(b"")
    assert not committed.is_committed("a:b.tflite")
