"""What others publish is taken as it was when it was looked at: by commit, or by hash."""

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

FILES = sorted([*(ROOT / ".github/workflows").glob("*.yml"), *ROOT.glob("docs/*.md"), ROOT / "README.md"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit_and_locks_installed_by_hash(path: object) -> None:
    words = path.read_text()  # type: ignore[attr-defined]
    assert all(re.fullmatch(r"[0-9a-f]{40} # v\d+\.\d+\.\d+", pin) for pin in re.findall(r"uses: [\w/-]+@(.+)", words))
    assert all("--require-hashes" in line for line in re.findall(r".*pip install.* -r .*", words))


@pytest.mark.parametrize("lock", sorted(ROOT.glob("requirements/*.txt")), ids=lambda path: path.name)
def test_a_lock_is_exact_and_made_by_make(lock: Path) -> None:
    packages = re.split(r"\n(?=\S)", lock.read_text().strip())
    assert packages and all(re.match(r"[\w.-]+==\S+.* \\\n +--hash=sha256:", package) for package in packages)
    assert f"-o requirements/{lock.name}\n" in (ROOT / "Makefile").read_text()
    assert f"| {lock.name} |" in (ROOT / "requirements/README.md").read_text()
