"""What a file answers for images that its head was fitted on: by heads that were fitted without them.

A run of few images has no test (train/networks/head.py), and one with a fitted head no validation images. The heads of
its cross-validation (device/data/heads.py) are asked here about what a file's own backbone gives, the tensor that goes
into its last layer. What the rounding of that one layer changes is not in it: that shows in the agreement, which is of
the file as it is.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from tqdm import tqdm

from device.data.folders import Labeled
from device.data.heads import Heads
from device.errors import UserError
from device.host import system
from device.inference import ordered, runtime
from device.inference.classifier import Classifier
from device.model import card
from export.conversion import objects

DENSE = schema.BuiltinOperator.FULLY_CONNECTED

Scores = npt.NDArray[np.float32]


def scores_by(heads: Heads, path: Path, images: Labeled) -> Scores:
    """Logits of the images, n x labels; path: a variant, images: those of the heads' rows."""
    found = features(path, images)
    logits = np.empty((len(found), heads.biases.shape[1]), np.float32)
    for fold, (kernel, bias) in enumerate(zip(heads.kernels, heads.biases, strict=True)):
        mine = heads.folds == fold
        logits[mine] = found[mine] @ kernel + bias
    return logits


def features(path: Path, images: Labeled) -> Scores:
    """n x channels: what goes into the file's last dense layer, as real numbers. All cores share the images."""
    whole = Classifier(path)
    cut = path.with_suffix(".features.tflite")
    cut.write_bytes(_before_last_dense(card.network_bytes(path)))

    def row(network: Any, i: int) -> Scores:
        scale, zero_point = network.get_output_details()[0]["quantization"]
        numbers: Scores = runtime.run_once(network, whole.preprocessor(images.image(i))).astype(np.float32)
        return (numbers - zero_point) * scale if scale else numbers

    def opened() -> Any:
        return runtime.find(whole.runtime.name).open(cut, 1)

    places = tqdm(range(len(images)), desc=f"{path.stem}, unseen", unit=" images", disable=None, leave=False)
    rows = list(ordered.in_order(row, places, opened, system.usable_cores()))
    cut.unlink()
    return np.stack(rows)


def _before_last_dense(model: bytes) -> bytes:
    tree = objects.read(model)
    graph = tree.subgraphs[0]
    last = _last_dense(tree)
    graph.outputs = [graph.operators[last].inputs[0]]
    graph.operators = graph.operators[:last]
    tree.signatureDefs = []
    return objects.packed(tree)


def features_name(model: bytes) -> str:
    """What the tensor is called that goes into the last dense layer."""
    tree = objects.read(model)
    graph = tree.subgraphs[0]
    return objects.text(graph.tensors[graph.operators[_last_dense(tree)].inputs[0]].name)


def _last_dense(tree: Any) -> int:
    """Which operator it is."""
    graph = tree.subgraphs[0]
    dense = [i for i, operator in enumerate(graph.operators) if objects.kind(tree, operator) == DENSE]
    if not dense:
        raise UserError(
            "the network has no dense layer, expected one behind its features, as its cross-validation has heads;"
            " train it again"
        )
    return dense[-1]
