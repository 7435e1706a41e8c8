"""Runs a command and looks, whenever something has reached the disk, at what a power failure would leave there.

    python -m tests.train.powerless FOLDER train|export WORDS…

A file has the bytes of its last fsync, under the name that its folder had at the folder's own last fsync. Prints, as
JSON, each state of FOLDER: for every name the digest of what would be found.
"""

import contextlib
import hashlib
import json
import os
import runpy
import sys
from pathlib import Path

FOLDER = Path(sys.argv[1]).resolve()
synced: dict[int, str] = {}  # by inode
names: dict[str, dict[str, int]] = {}  # of each folder: its names, and the inodes they stand for
states: list[dict[str, str]] = []
really = os.fsync


def fsync(handle: int) -> None:
    really(handle)
    path = Path(f"/proc/self/fd/{handle}").readlink()
    if path.is_dir():
        names[str(path)] = {entry.name: entry.stat().st_ino for entry in path.iterdir() if entry.is_file()}
    else:
        synced[os.fstat(handle).st_ino] = hashlib.sha256(path.read_bytes()).hexdigest()
    there = names.get(str(FOLDER), {})
    states.append({name: synced.get(inode, "nothing") for name, inode in there.items()})


if __name__ == "__main__":
    os.fsync = fsync  # type: ignore[assignment]
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    sys.argv = [sys.argv[2], *sys.argv[3:]]
    with contextlib.redirect_stdout(sys.stderr), contextlib.suppress(SystemExit):
        runpy.run_module(sys.argv[0], run_name="__main__")
    print(json.dumps(states))
