"""Class activation maps (B. Zhou et al., CVPR 2016, https://arxiv.org/abs/1512.04150), for float and for int8 files.

    explanation = Explainer("doors_int8.tflite")("door.jpg")
    explanation.maps[0].values                   # what each place adds to the label's logit
    explanation.overlay()                        # the same as an image

If a network ends in an average over height and width and one dense layer, a label's logit is a sum over places, of the
weighted channels at each. So the maps are exact: their mean plus the bias is the logit, up to the rounding of an int8
file, which is checked for every image.
"""

from dataclasses import dataclass
from os import PathLike

import numpy as np

from device.errors import UserError
from device.explain import pooled_head
from device.explain.explanation import Explanation, LabelMap
from device.explain.pooled_head import Reals
from device.inference.classifier import Classifier
from device.inference.image_input import Image, to_rgb
from device.inference.overrides import NO_OVERRIDES, Overrides
from device.inference.preprocess import Color, Fed

# How much float kernels that add in another order may differ, relative to the largest number; and quantized ones, in
# steps.
FLOAT_ERROR, STEPS = 1e-4, 1.5


@dataclass(frozen=True)
class _Evidence:
    """maps: [height, width, labels]; bias, logits: [labels]."""

    maps: Reals
    bias: Reals
    logits: Reals


class Explainer:
    """Loads a model file twice: as a Classifier, whose predictions it explains, and to read its last feature map.

    Belongs to one thread. The arguments are Classifier's.

    Raises:
        UserError: as Classifier, and if the network doesn't end in an average and one dense layer.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        overrides: Overrides = NO_OVERRIDES,
        threads: int = 1,
        runtime_name: str | None = None,
    ) -> None:
        self.classifier = Classifier(path, overrides, threads, runtime_name)
        runtime = self.classifier.runtime
        self._interpreter = runtime.open(self.classifier.path, threads, overrides.size, keeps_tensors=True)
        self._head = pooled_head.find(self.classifier.path, self._interpreter)
        self._details = {each["index"]: each for each in self._interpreter.get_tensor_details()}

    def __call__(self, image: Image, label: str | None = None, color: Color = "RGB") -> Explanation:
        """Explains the prediction for one image: a path, encoded bytes, a PIL image, or uint8 [height, width, 3].

        label: another label to explain too, such as the right one.
        """
        classifier = self.classifier
        labels = classifier.card.labels or ()
        asked = [] if label is None else [self._place(label, labels)]
        pixels = classifier.preprocessor.resize(to_rgb(image, color))
        prediction = classifier.classify(pixels)
        evidence = self._evidence(classifier.preprocessor.tensor(pixels))
        shown = dict.fromkeys([int(prediction.scores.argmax()), *asked])
        maps = tuple(
            LabelMap(
                labels[place],
                float(prediction.scores[place]),
                float(evidence.logits[place]),
                float(evidence.bias[place]),
                evidence.maps[:, :, place].astype(np.float32),
            )
            for place in shown
        )
        return Explanation(prediction, np.array(pixels), maps)

    def _place(self, label: str, labels: tuple[str, ...]) -> int:
        if label not in labels:
            raise UserError(
                f"{self.classifier.path}: it has no label {label!r}, expected one of {', '.join(labels[:8])}"
                f"{' …' if len(labels) > 8 else ''}; give one of them"
            )
        return labels.index(label)

    def _evidence(self, tensor: Fed) -> _Evidence:
        """The evidence for every label; with one sigmoid, the first label's is the second's negated."""
        self._interpreter.set_tensor(self.classifier.input.index, tensor)
        self._interpreter.invoke()
        head = self._head
        activations, features = self._real(head.activations)[0], self._real(head.features).reshape(-1)
        logits = self._real(head.logits).reshape(-1)
        self._check_average(activations, features)
        if head.has_scales and self.classifier.runtime.name == "tflite-runtime":
            # 2.14's own kernel, which runs where XNNPACK doesn't, takes the first label's scale for all of them.
            logits = head.weights @ features + head.bias
        self._check_dense(features, logits)
        maps, bias = activations @ head.weights.T, head.bias
        if self.classifier.card.output.kind == "sigmoid" and len(logits) == 1:
            maps, bias, logits = np.concatenate([-maps, maps], axis=2), np.r_[-bias, bias], np.r_[-logits, logits]
        return _Evidence(maps, bias, logits)

    def _check_average(self, activations: Reals, features: Reals) -> None:
        head = self._head
        wanted = activations.mean(axis=(0, 1))
        allowed = FLOAT_ERROR * float(np.abs(activations).max())
        allowed += STEPS * sum(self._step(place) for place in {head.pooled, head.features})
        self._require(wanted, features, head.features, np.full(len(wanted), allowed), "average over height and width")

    def _check_dense(self, features: Reals, logits: Reals) -> None:
        head = self._head
        sizes = np.abs(head.weights) @ np.abs(features) + np.abs(head.bias)
        allowed = FLOAT_ERROR * sizes + STEPS * self._step(head.logits)
        if head.is_dynamic:  # to 255 values that span the features
            allowed += np.abs(features).max() / 127 * np.abs(head.weights).sum(axis=1)
        self._require(head.weights @ features + head.bias, logits, head.logits, allowed, "weighted sum")

    def _require(self, wanted: Reals, found: Reals, place: int, allowed: Reals, what: str) -> None:
        """UserError if the network computes something else. A quantized tensor clips to its range."""
        low, high = self._range(place)
        if wanted.shape == found.shape and bool((np.abs(np.clip(wanted, low, high) - found) <= allowed).all()):
            return
        raise UserError(
            f"{self.classifier.path}: its {what} isn't what the file's operators say, so the maps would not add up to"
            " the scores; expected an average over the whole map and a dense layer without an activation: export the"
            " model again"
        )

    def _step(self, place: int) -> float:
        scale, _ = self._details[place]["quantization"]
        return float(scale)

    def _range(self, place: int) -> tuple[float, float]:
        details = self._details[place]
        scale, zero_point = details["quantization"]
        if not scale:
            return -np.inf, np.inf
        limits = np.iinfo(details["dtype"])
        return (limits.min - zero_point) * scale, (limits.max - zero_point) * scale

    def _real(self, place: int) -> Reals:
        return pooled_head.real(self._interpreter, self._details[place])
