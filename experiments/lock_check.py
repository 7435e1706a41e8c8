"""Resolves requirements/all.txt for every Python that is supported, with pip, installing nothing.

python -m experiments.lock_check
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

PYTHONS = ("3.11", "3.12", "3.13")
LOCK = Path(__file__).resolve().parents[1] / "requirements/all.txt"


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        # Without the hashes pip reads each package's metadata alone, not the whole wheel.
        bare = Path(name) / "all.txt"
        bare.write_text(re.sub(r" \\\n|    --hash=\S+\s", "\n", LOCK.read_text()))
        for version in PYTHONS:
            words = ["--dry-run", "--quiet", "--only-binary", ":all:", "--python-version", version]
            target = ["--target", str(Path(name) / version), "-r", str(bare)]
            done = subprocess.run([sys.executable, "-m", "pip", "install", *words, *target])
            print(f"Python {version}: {'resolved' if done.returncode == 0 else 'NOT resolved'}")
            if done.returncode:
                sys.exit(1)


if __name__ == "__main__":
    main()
