"""An int8 file as litert-tunner's Keras replica, which learns and is written back (experiments/fine_tuning.py).

https://github.com/kmkolasinski/litert-tunner, 0.3.0. It has no HARD_SWISH: `know_hard_swish` adds one. It takes the
last QUANTIZE, from int8 to uint8, for one of real numbers, so the replica learns by its logits, before softmax.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import litert_tunner
import numpy as np
import numpy.typing as npt
from keras import ops
from litert_tunner import distillation
from litert_tunner.ops import registry, utils

from export.conversion import objects

SEED = 1


@dataclass(frozen=True)
class Lesson:
    """variables: a pattern of those that learn; rate: Adam's, which a cosine takes to 0."""

    name: str
    variables: str
    rate: float


LESSONS = (
    Lesson("biases", r"bias$", 1e-3),
    Lesson("biases, scales", r"(bias|weight_scale)$", 1e-3),
    Lesson("biases, scales, weights", r"(bias|weight_scale|weight_int8)$", 1e-2),
)


def know_hard_swish() -> None:
    registry.register_op("HARD_SWISH")(_hard_swish)


def _hard_swish(op: Any, tensors: Any) -> Any:
    ends = [tensors[place].quantization for place in (op.input_indices[0], op.output_indices[0])]
    (scale, zero), (made_scale, made_zero) = [(float(end.scales[0]), float(end.zero_points[0])) for end in ends]

    def computed(codes: Any) -> Any:
        x = utils.dequantize_ste(codes, scale, zero)
        return utils.quantize_ste(x * ops.relu6(x + 3) / 6, made_scale, made_zero)

    name = f"hard_swish_{op.output_indices[0]}"
    return keras.layers.Lambda(computed, output_shape=lambda shape: shape, name=name)


def old_codes(made: bytes) -> bytes:
    """LiteRT Quantizer leaves the older field for operators' codes at 0, and tflite 2.18 then reads ADD."""
    tree = objects.read(made)
    for code in tree.operatorCodes:
        code.deprecatedBuiltinCode = min(max(code.builtinCode, code.deprecatedBuiltinCode), 127)
    return objects.packed(tree)


class Replica:
    """A file as a Keras model, and the same up to its logits."""

    def __init__(self, made: bytes, scratch: Path) -> None:
        self._path = scratch / "replica.tflite"
        self._path.write_bytes(old_codes(made))
        self.whole = litert_tunner.load_model(str(self._path))
        last = next(layer for layer in self.whole.layers if type(layer).__name__ == "QuantizedSoftmax")
        logits = (last.input - last._input_zero_point) * last._input_scale
        self.logits = keras.Model(self.whole.inputs, logits)

    def learn(
        self, lesson: Lesson, images: npt.NDArray[np.uint8], taught: npt.NDArray[np.float32], batch: int, steps: int
    ) -> None:
        """taught: the float network's scores of the images."""
        keras.utils.set_random_seed(SEED)
        distillation.prepare_for_finetuning(self.whole, lesson.variables)
        rate = keras.optimizers.schedules.CosineDecay(lesson.rate, steps)
        loss = keras.losses.CategoricalCrossentropy(from_logits=True)
        self.logits.compile(optimizer=keras.optimizers.Adam(rate), loss=loss, jit_compile=False)
        epochs = max(1, steps * batch // len(images))
        self.logits.fit(images.astype(np.float32), taught, batch_size=batch, epochs=epochs, verbose=2)

    def agreement(self, images: npt.NDArray[np.uint8], scores: npt.NDArray[np.float32]) -> float:
        """The share of images that the replica gives the label of these scores, the file's own."""
        found = self.logits.predict(images.astype(np.float32), batch_size=16, verbose=0)
        return float((found.argmax(axis=1) == scores.argmax(axis=1)).mean())

    def bytes(self) -> bytes:
        litert_tunner.save_model(self.whole, str(self._path))
        return self._path.read_bytes()
