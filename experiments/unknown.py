"""What a threshold on the best score does with images of unknown things: of the kind that chose it, and of others.

    python -m experiments.unknown RUN --unknown KIND=DIR [--other KIND=DIR …]

RUN: a trained run whose images are in the cache. It is exported twice, with --unknown DIR and with --keep-known 0.95;
each int8 and float32 file then answers all images of every other kind, from first byte to `unknown`. None of the
images was seen in training. Adds to results/unknown.json.
"""

import argparse
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from device.data.walk import Walk
from device.inference.classifier import Classifier
from experiments.record import RESULTS, read, write
from export import ExportedModels, export
from export.confidence import threshold

FALSE_ACCEPTS, KEEP_KNOWN = 0.05, 0.95
# Of each kind, drawn by the seed.
MOST, SEED = 400, 1
VARIANTS = ("float32", "int8")


def accepted(model: Path, kinds: Mapping[str, Path]) -> list[dict[str, Any]]:
    """Of each kind's images the share that gets a label."""
    rows = []
    for kind, folder in kinds.items():
        paths = list(Walk(folder))
        drawn = [paths[i] for i in np.random.default_rng(SEED).permutation(len(paths))[:MOST]]
        known = np.array([not one.is_unknown for one in Classifier(model).map(drawn)], np.bool_)
        share = threshold.share_of(known)
        rows.append({"kind": kind, **(asdict(share) if share else {})})
    return rows


def study(run: Path, models: ExportedModels, given: str, others: Mapping[str, Path]) -> list[dict[str, Any]]:
    """A row a variant. given: the kind that the export was given."""
    rows = []
    for row in models.record.variants:
        fitted = row.confidence
        assert fitted and fitted.threshold
        found = accepted(models[row.variant].path, others)
        print(row.variant, fitted, *found, sep="\n  ", flush=True)
        rows.append(
            {
                "network": run.resolve().name,
                "variant": row.variant,
                "wish": fitted.threshold.wish,
                "given": given,
                "confidence": asdict(fitted),
                "others": found,
            }
        )
    return rows


def _kind(text: str) -> tuple[str, Path]:
    kind, _, folder = text.partition("=")
    return kind, Path(folder)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("run", type=Path)
    options.add_argument("--unknown", type=_kind, metavar="KIND=DIR", required=True)
    options.add_argument("--other", type=_kind, metavar="KIND=DIR", action="append", default=[])
    given = options.parse_args()
    kind, folder = given.unknown
    found = []
    for refused, kept in ((FALSE_ACCEPTS, None), (None, KEEP_KNOWN)):
        with tempfile.TemporaryDirectory() as place:
            models = export(
                given.run, run=place, variants=VARIANTS, unknown=folder, false_accepts=refused, keep_known=kept
            )
            found += study(given.run, models, kind, dict(given.other))
    before = read("unknown")["results"] if (RESULTS / "unknown.json").exists() else []
    rows = [row for row in before if row["network"] != given.run.resolve().name] + found
    write("unknown", rows, "python -m experiments.unknown …", seed=SEED)


if __name__ == "__main__":
    main()
