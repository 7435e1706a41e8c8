"""What `gate --qualify` prints on a machine: an example for docs/ci.md.

    python -m experiments.qualified quiet|busy      five minutes; quiet: nothing else may run

Writes results/qualified_NAME.json with the lines that were printed, the exit code, and the load of the machine.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from experiments.record import ROOT, write

NAMES = ("quiet", "busy")
WORDS = ("-m", "benchmarks", "gate", "--qualify")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("name", choices=NAMES)
    name = options.parse_args().name
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "told.json"
        command = [sys.executable, *WORDS, "--json", str(told)]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        rows = json.loads(told.read_bytes())["qualify"]
    printed = done.stdout.splitlines()
    write(
        f"qualified_{name}", rows, f"python -m experiments.qualified {name}", printed=printed, exit_code=done.returncode
    )


if __name__ == "__main__":
    main()
