"""Slow creep that gates let pass, found in what `gate --since TAG --history` writes, by Apache Otava.

    python -m experiments.gate_history --otava OTAVA     five minutes and more; OTAVA: the program of an environment
                                                         of its own, made with: pip install apache-otava

A repository with a network that is tagged v1.2, and sixteen commits after it; from the ninth on the network has two
layers more in sixty, which are about 3 %. Each commit is gated against the tag with a limit of 5 %.
"""

import argparse
import csv
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.gate import qualify
from experiments.record import ROOT, write

COMMAND = "python -m experiments.gate_history --otava OTAVA"
COMMITS, SLOWER_FROM = 16, 8
SECONDS = "60"
WHO = {f"GIT_{who}_{what}": "tester@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
CONFIGURATION = """\
tests:
  doors:
    type: csv
    file: gates.csv
    time_column: time
    attributes: [commit]
    metrics:
      ratio:
        direction: -1
"""


def git(folder: Path, *words: str) -> None:
    """Runs git in the repository, without anybody's settings."""
    plain = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", **WHO}
    subprocess.run(["git", *words], cwd=folder, env=plain, check=True, capture_output=True)


def gates(folder: Path) -> list[dict[str, Any]]:
    """The history's rows."""
    network = folder / "net.tflite"
    git(folder, "init", "--initial-branch=main")
    for number in range(COMMITS + 1):
        shutil.copyfile(qualify.NETWORKS / f"small{'_3' * (number > SLOWER_FROM)}.tflite", network)
        git(folder, "add", "net.tflite")
        git(folder, "commit", "--allow-empty", "-m", f"Change {number}")
        if number == 0:
            git(folder, "tag", "v1.2")
    words = ["--since", "v1.2", "net.tflite", "--history", "gates.csv", "--seconds", SECONDS]
    for back in tqdm(range(COMMITS - 1, -1, -1), desc="gates", unit=" gates"):
        git(folder, "checkout", f"main~{back}")
        subprocess.run(
            [sys.executable, "-m", "benchmarks", "gate", *words],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
        )
    with (folder / "gates.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def found(folder: Path, otava: str) -> list[str]:
    """What Otava prints, line by line."""
    (folder / "otava.yaml").write_text(CONFIGURATION)
    words = [otava, "analyze", "doors", "--config-file", "otava.yaml"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--otava", required=True, metavar="OTAVA", help="the program")
    otava = str(Path(options.parse_args().otava).absolute())
    with tempfile.TemporaryDirectory(prefix="framelite-") as folder:
        rows = gates(Path(folder))
        write("gate_history", rows, COMMAND, printed=found(Path(folder), otava))


if __name__ == "__main__":
    main()
