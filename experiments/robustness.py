"""What corrupted test images cost float32 and int8 files: `export --robustness` on trained runs.

    python -m experiments.robustness RUN [RUN …]

RUN: trained run folders with a test, whose images are in the cache. They stay as they are: the files are exported into
a temporary folder. Adds to results/robustness.json.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from device import records
from experiments.record import RESULTS, read, write
from export import export

SEED, VARIANTS = 1, ("float32", "int8")


def study(run: Path) -> dict[str, Any]:
    """What corrupted images cost both files, as export.json has it, and the seconds that it takes to measure."""
    with tempfile.TemporaryDirectory() as folder:
        export(run, run=folder, variants=VARIANTS, seed=SEED)
        start = time.monotonic()
        made = export(run, run=folder, variants=VARIANTS, seed=SEED, robustness=True).record
        seconds = time.monotonic() - start
    assert made.robustness is not None
    return {"seconds": seconds, **records.to_json(made.robustness)}


def main() -> None:
    runs = [Path(name) for name in sys.argv[1:]]
    if not runs:
        sys.exit(__doc__)
    rows = {row["run"]: row for row in read("robustness")["results"]} if (RESULTS / "robustness.json").exists() else {}
    for run in runs:
        print(run, flush=True)
        rows[run.resolve().name] = {"run": run.resolve().name, **study(run)}
    write("robustness", list(rows.values()), "python -m experiments.robustness …", seed=SEED)


if __name__ == "__main__":
    main()
