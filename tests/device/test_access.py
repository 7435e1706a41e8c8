"""Where a token comes from, what can be one, and how it is compared."""

import re
import secrets
from pathlib import Path

import pytest

from device.errors import UserError
from device.web import access


def test_a_token_from_a_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(access.VARIABLE, raising=False)
    assert access.read_token(None) is None
    monkeypatch.setenv(access.VARIABLE, "of-the-environment")
    assert access.read_token(None) == "of-the-environment"
    (tmp_path / "token").write_text("  of-the-file\n")
    assert access.read_token(tmp_path / "token") == "of-the-file"


@pytest.mark.parametrize("content", [b"", b"\n", b"two words", b"two\nlines", "née".encode(), b"\xff", b"x" * 501])
def test_a_token_that_cannot_be_one(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(UserError, match=f"^{re.escape(str(file))}: .*expected a t") as refusal:
        access.read_token(file)
    assert "words" not in str(refusal.value)  # what came is not repeated
    if content != b"\xff":
        monkeypatch.setenv(access.VARIABLE, content.decode())
        with pytest.raises(UserError, match=r"^FRAMELITE_TOKEN: expected a token of 1 to 500"):
            access.read_token(None)


def test_a_token_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the token can't be read \\(No such file or directory\\)"):
        access.read_token(tmp_path / "none")
    with pytest.raises(UserError, match="the token can't be read \\(Is a directory\\)"):
        access.read_token(tmp_path)


def test_made_tokens_differ() -> None:
    assert len({access.new_token() for _ in range(100)}) == 100


def test_comparing_takes_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen by what is called: the standard library's own comparison, for the token and for the cookie."""
    compared = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr(secrets, "compare_digest", compare)
    rules = access.Access("token", "0.0.0.0", 80)
    assert rules.is_token("token") and not rules.is_token("t") and not rules.is_token(None)
    assert not rules.has_cookie([("framelite_80", "x"), ("other", "y")])
    assert [one for one, _ in compared] == [b"token", b"t", b"x"]
