"""`device explain`: why one image gets its label, as a heat map over the image, in the terminal, or as JSON."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from device import command, files
from device.errors import UserError
from device.explain.explainer import Explainer
from device.explain.explanation import Explanation, LabelMap
from device.inference.overrides import Overrides

# Cold to hot, in a terminal.
SHADES = " .:-=+*#%@"


@dataclass(frozen=True)
class ExplainRequest:
    """What the command line asks for. label: another one to explain; overlay: the PNG to write."""

    model: Path
    image: Path
    overrides: Overrides
    label: str | None
    overlay: Path | None
    threads: int
    runtime: str | None
    json: str | None


def run(request: ExplainRequest) -> int:
    if request.overlay is not None and request.overlay.suffix.lower() != ".png":
        raise UserError(f"{request.overlay}: the overlay is a PNG image; give a name that ends in .png")
    files.check_target(request.overlay, "-o")
    explainer = Explainer(request.model, request.overrides, request.threads, request.runtime)
    for note in explainer.classifier.notes:
        command.say(f"note: {note}")
    explanation = explainer(request.image, request.label)
    if request.overlay is not None:
        files.write_bytes(request.overlay, explanation.png())
        command.say(f"saved {request.overlay}")
    if request.json:
        files.deliver_json(document(request.image, explanation), request.json)
    else:
        command.show(lines(explanation, draws=request.overlay is None))
    return command.GOOD


def document(image: Path, explanation: Explanation) -> dict[str, Any]:
    maps = [
        {
            "label": each.label,
            "score": each.score,
            "logit": each.logit,
            "bias": each.bias,
            "values": [[round(float(value), 6) for value in row] for row in each.values],
        }
        for each in explanation.maps
    ]
    best = explanation.prediction
    return {"schema": 1, "image": str(image), "label": best.label, "score": best.score, "maps": maps}


def lines(explanation: Explanation, draws: bool) -> list[str]:
    """A line a label, and the map below it where no file shows it."""
    found: list[str] = []
    for each in explanation.maps:
        height, width = each.values.shape
        found.append(f"{each.label}  score {each.score:.3f}, logit {each.logit:.2f}, {_ends(each)} on {height}x{width}")
        if draws:
            found += [f"  {line}" for line in _shades(each.shares)]
    return found


def _ends(shown: LabelMap) -> str:
    return f"map {float(shown.values.min()):.2f} to {float(shown.values.max()):.2f}"


def _shades(shares: npt.NDArray[np.float32]) -> list[str]:
    """Two characters a place, which is about a square."""
    return ["".join(2 * SHADES[round(share * (len(SHADES) - 1))] for share in row.tolist()) for row in shares]
