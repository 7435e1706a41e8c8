"""Where a token comes from, what can be one, and how it is compared."""

import os
import re
import secrets
import stat
from ipaddress import ip_address
from pathlib import Path

import pytest

from device.errors import UserError
from device.live.outputs.web.server import access, guesses


def test_a_token_from_a_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(access.SECRET.variable, raising=False)
    assert access.read_token(None) is None
    monkeypatch.setenv(access.SECRET.variable, "of-the-environment")
    assert access.read_token(None) == "of-the-environment"
    (tmp_path / "token").write_text("  of-the-token-file\n")
    assert access.read_token(tmp_path / "token") == "of-the-token-file"
    (tmp_path / "token").write_text("x" * 16)
    assert access.read_token(tmp_path / "token") == "x" * 16


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"two words", b"two\nlines", "née".encode(), b"\xff", b"x" * 501, b"x" * 15]
)
def test_a_token_that_cannot_be_one(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(UserError, match=f"^--token-file {re.escape(str(file))}: .*expected a t") as refusal:
        access.read_token(file)
    assert "words" not in str(refusal.value)  # what came is not repeated
    if content != b"\xff":
        monkeypatch.setenv(access.SECRET.variable, content.decode())
        with pytest.raises(UserError, match=r"^FRAMELITE_TOKEN: .*16 to 500"):
            access.read_token(None)


def test_a_token_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        access.read_token(tmp_path / "none")
    with pytest.raises(UserError, match="Is a directory"):
        access.read_token(tmp_path)


def test_made_tokens_differ() -> None:
    assert len({access.new_token() for _ in range(100)}) == 100


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_made_token_is_kept_for_this_user_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", f"{tmp_path / 'state'}:{tmp_path / 'another'}")  # systemd gives a list
    before = os.umask(0)
    try:
        made = access.kept("name")
    finally:
        os.umask(before)
    file = tmp_path / "state/name"
    assert (file.read_text(), mode(file), mode(file.parent)) == (made, 0o600, 0o700)
    assert access.kept("name") == made
    assert access.kept("another") != made
    assert not (tmp_path / "another").exists()
    for spoiled in ("", "x", made + "\n", "née"):
        file.write_text(spoiled)
        made = access.kept("name")
        assert file.read_text() == made != spoiled
    file.chmod(0o640)  # others may have read it
    assert access.kept("name") != made
    assert mode(file) == 0o600


def test_a_token_that_can_not_be_kept_is_made_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "file"))
    assert len({access.kept("name") for _ in range(3)}) == 3
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and str(tmp_path / "file") in said


def test_guesses_are_slowed_down() -> None:
    now = 1000.0
    wrong = guesses.Guesses(lambda: now)

    def tried(address: str) -> int:
        """How many of a hundred wrong ones are looked at."""
        count = 0
        for _ in range(100):
            if wrong.may(address):
                wrong.was_wrong(address)
                count += 1
        return count

    assert tried("192.0.2.1") == tried("192.0.2.2") == guesses.AT_ONCE
    now += 1
    assert tried("192.0.2.1") == 1
    now += 2.5
    assert tried("192.0.2.1") == 2
    now += 60
    assert tried("192.0.2.1") == guesses.AT_ONCE  # no more after a long rest
    assert tried("2001:db8::1") == guesses.AT_ONCE and tried("2001:db8::2:1") == 0  # of one household
    assert tried("2001:db8:0:1::1") == guesses.AT_ONCE
    assert tried("::ffff:192.0.2.1") == 0
    assert tried("no address") == guesses.AT_ONCE and tried("x" * 10_000) == 0


def test_addresses_that_guess_are_remembered_up_to_a_number() -> None:
    now = 1000.0
    wrong = guesses.Guesses(lambda: now)
    for i in range(guesses.ADDRESSES):
        wrong.was_wrong(str(ip_address(0x0A000000 + i)))
    for _ in range(guesses.AT_ONCE):
        assert wrong.may("192.0.2.1")
        wrong.was_wrong("192.0.2.1")
    assert not wrong.may("192.0.2.2")  # one more: they count together
    assert wrong.may("10.0.0.1")  # and those who came before by themselves
    now += 60
    assert wrong.may("192.0.2.2")  # forgotten


def test_comparing_takes_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen by what is called: the standard library's own comparison, for the token and for the cookie."""
    compared = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr(secrets, "compare_digest", compare)
    rules = access.Access("token", "0.0.0.0", 80, "key")
    assert rules.is_token("token") and not rules.is_token("t") and not rules.is_token(None)
    assert not rules.has_cookie([("framelite_80", "x"), ("other", "y")])
    assert [one for one, _ in compared] == [b"token", b"t", b"x"]
