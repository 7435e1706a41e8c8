"""What a run folder holds, as it can be compared with another's."""

import json
import zipfile
from pathlib import Path


def weights(model: Path) -> bytes:
    """The weights and the optimizer's state; beside them the file holds object numbers and when it was written."""
    with zipfile.ZipFile(model) as archive:
        return archive.read("model.weights.h5")


def curves(run: Path) -> dict[str, list[float]]:
    """history.json without the seconds."""
    history = json.loads((run / "history.json").read_bytes())
    return {name: values for name, values in history.items() if name != "seconds"}
