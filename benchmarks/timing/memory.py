"""The peak memory of one model file, in a fresh process that runs nothing else.

    python -m benchmarks.peak_memory FILE THREADS RUNTIME

VmHWM of /proc/self/status, not ru_maxrss: a child inherits that from its parent.
"""

import subprocess
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")
INVOCATIONS = 3


def measure(path: Path, threads: int, runtime: str) -> int | None:
    """Bytes, interpreter and Python included; None where there is no /proc."""
    if not STATUS.exists():
        return None
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.peak_memory", str(path.resolve()), str(threads), runtime],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[1],
    )
    return int(done.stdout)


def high_water_mark() -> int:
    """This process's largest resident set so far, in bytes."""
    for line in STATUS.read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no VmHWM in /proc/self/status")


def main() -> None:
    from benchmarks import workload
    from device import runtime

    path, threads, name = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    work = workload.load(path, threads, runtime.find(name))
    for _ in range(INVOCATIONS):
        work.invoke()
    print(high_water_mark())


if __name__ == "__main__":
    main()
