"""Damaged model files through a Classifier and one answer, damaged images through decode: how each of them ends.

    python -m experiments.fuzz [--kind model|image] [--count 10000] [--seed 1] [--keep DIR]

Each in a forked child. A file is answered, or refused in one line; a traceback, a hang, or the native library's end is
counted and shown, and kept in DIR. Writes results/fuzz.json, where a kind that isn't asked keeps its row.
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from device.errors import UserError
from device.images import images
from device.inference.classifier import Classifier
from device.inference.overrides import NO_OVERRIDES, Overrides
from device.model import card
from experiments.fuzz import children, mutants
from experiments.fuzz.mutants import Original
from experiments.record import RESULTS, read, write

LABELS = "labels.txt"
IMAGE = np.random.default_rng(1).integers(0, 256, (40, 30, 3), np.uint8)


@dataclass
class Tally:
    """How many files of a kind ended how; bad: of those that must not be, where they come from and what was said."""

    kind: str
    ends: Counter[str] = field(default_factory=Counter)
    bad: list[dict[str, Any]] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """The row with the index of every bad mutant."""
        return {**self.row(), "bad": self.bad}

    def row(self) -> dict[str, Any]:
        """How many mutants of this kind there were, and how many ended in each way."""
        return {"kind": self.kind, "n": self.ends.total(), **{end: self.ends[end] for end in children.ENDS}}


def answer(path: Path) -> None:
    """One answer, as a file without a card is asked too."""
    overrides = NO_OVERRIDES if card.read_archive(path) else Overrides(path.with_name(LABELS), 0.0, 1.0)
    Classifier(path, overrides).classify(IMAGE)


def decode(path: Path) -> None:
    """What a damaged image is put through."""
    try:
        images.decode(path.read_bytes())
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None


KINDS: dict[str, tuple[Callable[[], list[Original]], Callable[[Path], None]]] = {
    "model": (mutants.models, answer),
    "image": (mutants.images, decode),
}


def run(kind: str, count: int, seed: int, keep: Path | None = None, begin: int = 0) -> Tally:
    """Asks `count` mutants of a kind, from `begin` on."""
    make, work = KINDS[kind]
    originals, tally = make(), Tally(kind)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory(prefix="framelite-") as folder:
        path = Path(folder) / "mutant"
        path.with_name(LABELS).write_text("circle\nsquare\ntriangle\n")
        for original in originals:  # loads what the children share, and shows that sound files are answered
            path.write_bytes(original.data)
            work(path)
        for index in tqdm(range(begin, begin + count), desc=kind, unit=" files", disable=None):
            name, data = mutants.mutant(originals, kind, seed, index)
            path.write_bytes(data)
            outcome = children.ask(lambda: work(path))
            tally.ends[outcome.end] += 1
            if outcome.end not in ("answered", "refused"):
                tally.bad.append({"index": index, "of": name, "end": outcome.end, "said": outcome.said})
                if keep is not None:
                    keep.mkdir(parents=True, exist_ok=True)
                    (keep / f"{kind}_{seed}_{index}").write_bytes(data)
    return tally


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kind", choices=sorted(KINDS), help="one of them alone")
    options.add_argument("--count", type=int, default=10_000, help="of each kind (default 10000)")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--keep", type=Path, metavar="DIR", help="where the files that must not be are kept")
    asked = options.parse_args()
    rows = {row["kind"]: row for row in read("fuzz")["results"]} if (RESULTS / "fuzz.json").exists() else {}
    for kind in [asked.kind] if asked.kind else KINDS:
        tally = run(kind, asked.count, asked.seed, asked.keep)
        rows[kind] = {**tally.document(), "seed": asked.seed}
        print(*(f"{key} {value}" for key, value in tally.row().items()), sep=", ")
        for one in tally.bad:
            print("  ", one)
    write("fuzz", [rows[kind] for kind in KINDS if kind in rows], "python -m experiments.fuzz")
    return 1 if any(row["bad"] for row in rows.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
