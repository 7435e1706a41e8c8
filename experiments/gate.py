"""Does the gate cry wolf, and does it see? A hundred gates of a network against itself, and of one really larger.

    python -m experiments.gate [--hours H]      about two hours; it goes on where it stopped; nothing else may run

Four scenes: a network of about 8 ms with no neighbor, with one core kept busy, with every core kept busy; and one of
about 0.1 ms with none. In each 100 gates of the network against itself, half with a limit of 5 % and half of 2 %; 25 of
one about 8 % slower with a limit of 5 %, and 25 of one about 5 % slower with a limit of 2 %. How much slower these are
is measured first, in a long interleaved run without neighbors. A gate is added to results/gate.json when it ends.
"""

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from time import monotonic
from typing import Any

from tqdm import tqdm

from benchmarks.gate import qualify
from device.host import system
from experiments.record import ROOT, write

RESULTS = ROOT / "experiments/results/gate.json"
TRUTH_S = 120.0
GATE_S = 20.0
COMMAND = "python -m experiments.gate"


@dataclass(frozen=True)
class Scene:
    """A network, and how many cores neighbors keep busy (None: every one)."""

    network: str
    busy: int | None

    @property
    def name(self) -> str:
        """Unique among the scenes: the network and how many cores are kept busy."""
        return f"{self.network} {'all' if self.busy is None else self.busy}"


SCENES = (Scene("large", 0), Scene("large", 1), Scene("large", None), Scene("small", 0))
# What is gated: how much slower the candidate is, the limit, and how often.
KINDS = (("itself", 0.05, 50), ("itself", 0.02, 50), ("8 %", 0.05, 25), ("5 %", 0.02, 25))


def neighbors(busy: int | None) -> contextlib.AbstractContextManager[None]:
    """Processes that do nothing but compute, as many as cores are to be kept busy."""
    code = "import os\nparent = os.getppid()\nwhile os.getppid() == parent: sum(range(100000))"
    return beside(code, system.usable_cores() if busy is None else busy)


@contextlib.contextmanager
def beside(code: str, count: int) -> Iterator[None]:
    """So many processes of this Python code, until the block ends.

    The code ends by itself where its parent is gone: this process may be killed.
    """
    # A session each, as other people's processes have: Linux may share the processor out by session.
    processes = [subprocess.Popen([sys.executable, "-c", code], start_new_session=True) for _ in range(count)]
    try:
        yield
    finally:
        for each in processes:
            each.kill()
            each.wait()


def planned() -> list[dict[str, Any]]:
    """Every gate there is to be, in random order within rounds over the scenes, so that the hours are shared."""
    gates = [
        {"scene": scene.name, "kind": kind, "limit": limit, "number": number}
        for scene in SCENES
        for kind, limit, count in KINDS
        for number in range(count)
    ]
    random.Random(1).shuffle(gates)
    return gates


def gate(planned: dict[str, Any], seed: int) -> dict[str, Any]:
    """One planned gate in its scene: the plan, the verdict and its seconds, for the document."""
    scene = next(scene for scene in SCENES if scene.name == planned["scene"])
    limit = planned["limit"]
    base = qualify.NETWORKS / f"{scene.network}.tflite"
    candidate = base if planned["kind"] == "itself" else qualify.larger(scene.network, limit)
    with neighbors(scene.busy):
        start = monotonic()
        found = qualify.gate(scene.network, candidate, limit, 1, GATE_S, seed)
        seconds = monotonic() - start
    return {**planned, **asdict(found), "seconds": round(seconds, 2)}


def truths() -> dict[str, list[float]]:
    """How much slower each larger network is on this machine: interval and middle."""
    found = {}
    for network in ("small", "large"):
        for limit in (0.05, 0.02):
            candidate = qualify.larger(network, limit)
            true = qualify.truth(network, candidate, 1, TRUTH_S)
            found[candidate.stem] = [true.low, true.middle, true.high]
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--hours", type=float, default=24.0, help="stop after so long; the next call goes on")
    end = monotonic() + 3600 * options.parse_args().hours
    kept: dict[str, Any] = json.loads(RESULTS.read_bytes()) if RESULTS.exists() else {"results": [], "truths": truths()}
    rows, true = kept["results"], kept["truths"]
    done = {(row["scene"], row["kind"], row["limit"], row["number"]) for row in rows}
    left = [each for each in planned() if tuple(each.values()) not in done]
    if os.getloadavg()[0] > 0.5:
        print("note: something else runs on this machine; its gates will show it", file=sys.stderr)
    for each in tqdm(left, desc="gates", unit=" gates"):
        if monotonic() > end:
            break
        rows.append(gate(each, len(rows) + 1))
        write("gate", rows, COMMAND, truths=true)


if __name__ == "__main__":
    main()
