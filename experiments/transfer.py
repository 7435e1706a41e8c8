"""How long `transfer` takes with nothing there, and again; how accurate it is, float and int8.

    python -m experiments.transfer DIR        three minutes; nothing else may run

DIR: a folder of class folders. The image cache and the features are created in a temporary folder; the times are those
of whole commands. Leaves runs/transfer with its export. Writes results/transfer.json.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from experiments import runs
from experiments.record import ROOT, write

RUN = ROOT / "runs/transfer"


def timed(*words: str, cache: str) -> float:
    """Seconds of `python -m WORDS…`."""
    start = perf_counter()
    subprocess.run([sys.executable, "-m", *words], cwd=ROOT, env={**os.environ, "FRAMELITE_CACHE": cache}, check=True)
    return round(perf_counter() - start, 1)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("data", type=Path, metavar="DIR")
    data = str(options.parse_args().data.resolve())
    with tempfile.TemporaryDirectory() as cache:
        words = ("train", "transfer", "--data", data, "--run", str(RUN), "--again")
        first_s, second_s = timed(*words, cache=cache), timed(*words, cache=cache)
        timed("export", str(RUN), cache=cache)
    row = runs.row_of(RUN)
    write("transfer", [row], "python -m experiments.transfer DIR", first_s=first_s, second_s=second_s)


if __name__ == "__main__":
    main()
