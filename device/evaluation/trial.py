"""Tries model files in a runtime of this Python: whether each loads and passes its golden images, and how fast it is.

    python -m device.evaluation.trial RUNTIME       a line of JSON in, a line of JSON out, until the input ends

The first line has the runtime's version. {"model": PATH} loads a file and returns a `RuntimeCheck`; {"block_s": S} then
repeats its inference for so long and returns {"median_s": …}. Another Python may have another runtime, so two of
these can take turns (export/runtimes/trials.py).
"""

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from device.errors import UserError
from device.inference import golden, runtime, timing
from device.inference.classifier import Classifier
from device.inference.golden import GoldenResult


@dataclass(frozen=True)
class RuntimeCheck:
    """failure: why the file can't be used in the runtime, or None. score_error: the largest of its golden images."""

    failure: str | None = None
    score_error: float | None = None


class RuntimeTrial:
    """A runtime with the file that was loaded last."""

    def __init__(self, name: str) -> None:
        self.runtime = runtime.find(name)
        self._interpreter: Any = None

    def load(self, path: Path) -> RuntimeCheck:
        self._interpreter = None
        try:
            classifier = Classifier(path, runtime_name=self.runtime.name)
            found = golden.replay(classifier)
            timing.feed(classifier.interpreter)
        except UserError as error:
            return RuntimeCheck(str(error).removeprefix(f"{path}: "))
        if found.passed:
            self._interpreter = classifier.interpreter
        return RuntimeCheck(self._failure(found), found.score_error)

    def _failure(self, found: GoldenResult) -> str | None:
        if found.passed:
            return None
        failed = [replay for replay in found.images if not replay.passed]
        errors = ", ".join("-" if replay.score_error is None else f"{replay.score_error:.3g}" for replay in failed)
        name = f"{self.runtime.name} {self.runtime.version}"
        return f"{name} gives other scores for {len(failed)} of {len(found.images)} golden images (off by {errors})"

    def median_s(self, block_s: float) -> float:
        """The median time of an inference of the file that was loaded last and passed, in seconds."""
        ((block,),) = timing.rounds([self._interpreter], 0.0, block_s)
        return block.median_s


def main() -> None:
    try:
        trial = RuntimeTrial(sys.argv[1])
    except UserError as error:
        _respond({"error": str(error), "version": None})
        return
    _respond({"error": None, "version": trial.runtime.version})
    for line in sys.stdin:
        asked = json.loads(line)
        if "model" in asked:
            _respond(asdict(trial.load(Path(asked["model"]))))
        else:
            _respond({"median_s": trial.median_s(asked["block_s"])})


def _respond(document: dict[str, Any]) -> None:
    print(json.dumps(document), flush=True)


if __name__ == "__main__":
    main()
