"""Tries model files in a runtime of the Python that runs this: does each load, does it give its golden scores, how
long does an inference take?

    python -m device.evaluation.trial RUNTIME       a line of JSON in, a line of JSON out, until the input ends

The first line says the runtime's version. {"model": PATH} loads a file and answers with a `TrialAnswer`;
{"block_s": S} then repeats its inference for so long and answers with {"median_s": …}. Another Python may have another
runtime, so two of these can take turns (export/runtimes/trials.py).
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
class TrialAnswer:
    """failure: why the file can't be used in the runtime; score_error: of its golden images."""

    failure: str | None = None
    score_error: float | None = None


class RuntimeTrial:
    """One runtime with the file that it was given last."""

    def __init__(self, name: str) -> None:
        self.runtime = runtime.find(name)
        self._interpreter: Any = None

    def load(self, path: Path) -> TrialAnswer:
        self._interpreter = None
        try:
            classifier = Classifier(path, runtime_name=self.runtime.name)
            found = golden.replay(classifier)
            timing.feed(classifier.interpreter)
        except UserError as error:
            return TrialAnswer(str(error).removeprefix(f"{path}: "))
        if found.passed:
            self._interpreter = classifier.interpreter
        return TrialAnswer(self._failure(found), found.score_error)

    def _failure(self, found: GoldenResult) -> str | None:
        if found.passed:
            return None
        failed = [replay for replay in found.images if not replay.passed]
        errors = ", ".join("-" if replay.score_error is None else f"{replay.score_error:.3g}" for replay in failed)
        name = f"{self.runtime.name} {self.runtime.version}"
        return f"{name} gives other scores for {len(failed)} of {len(found.images)} golden images (off by {errors})"

    def median_s(self, block_s: float) -> float:
        """Of the file that was loaded last, which gave its golden scores."""
        ((block,),) = timing.rounds([self._interpreter], 0.0, block_s)
        return block.median_s


def main() -> None:
    try:
        trial = RuntimeTrial(sys.argv[1])
    except UserError as error:
        _answer({"error": str(error), "version": None})
        return
    _answer({"error": None, "version": trial.runtime.version})
    for line in sys.stdin:
        asked = json.loads(line)
        if "model" in asked:
            _answer(asdict(trial.load(Path(asked["model"]))))
        else:
            _answer({"median_s": trial.median_s(asked["block_s"])})


def _answer(document: dict[str, Any]) -> None:
    print(json.dumps(document), flush=True)


if __name__ == "__main__":
    main()
