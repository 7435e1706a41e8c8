"""The variants of an export, as a table: one entry per variant, in the order of rows.

export/conversion/quantize.py makes them.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Variant:
    """meaning: in words, for the documents. is_quantized: its weights are int8. is_calibrated: its activations have
    ranges from calibration images. tolerance: the largest difference of a golden image's scores between processors.

    Limits of a sound conversion; export drops a file beyond them. signal: the least signal-to-noise ratio of its logits
    in dB; error: the largest difference of a score, 1 for any; drop: the largest loss of accuracy, judged by the lower
    end of its 95 % interval, so that few images don't fail a good file. tolerance and error are of probabilities; of
    logits they are shares of the span of all scores. One that computes in float has the limits and the tolerance of
    float16, one with int8 weights those of dynamic, unless measurements say otherwise (experiments/soundness.py).

    color: in charts, from Okabe and Ito, Color Universal Design (2008), which color-blind people can distinguish; free
    are #e69f00, #56b4e9 and #f0e442.

    is_default: export makes it unless others are named. False for a variant that is made on request only, so that older
    exports stay up to date.
    """

    name: str
    meaning: str
    is_quantized: bool
    is_calibrated: bool
    tolerance: float
    signal: float
    error: float
    drop: float
    color: str
    is_default: bool = True


# The limits detect broken files, not bad ones: export reports what a sound conversion loses, and the user decides.
# Agreement is no limit, because it depends on how confident the network is (experiments/soundness.py). Float kernels
# differ by rounding alone, half-precision weights by 5e-4 of their size, int8 ones by 1/256 of their range. Tolerance:
# float kernels agree to 4e-7 between processors, int8 ones to 22 of 256 steps (x86 against a Cortex-A53).
TABLE = (
    Variant(
        "float32",
        "the converted model, or anyone's float .tflite, with arithmetic on pixels in the first convolution where that"
        " is exact",
        is_quantized=False,
        is_calibrated=False,
        tolerance=1e-3,
        signal=30.0,
        error=1e-3,
        drop=0.001,
        color="#0072b2",
    ),
    Variant(
        "float16",
        "weights in half precision, computed in float32: half the size, float's speed",
        is_quantized=False,
        is_calibrated=False,
        tolerance=1e-3,
        signal=10.0,
        error=1.0,
        drop=0.02,
        color="#009e73",
    ),
    Variant(
        "dynamic",
        "int8 weights, with a scale per channel (of dense layers one), activations quantized at run time; no"
        " calibration",
        is_quantized=True,
        is_calibrated=False,
        tolerance=24 / 256,
        signal=3.0,
        error=1.0,
        drop=0.1,
        color="#cc79a7",
    ),
    Variant(
        "int8",
        "int8 weights with a scale per channel, int8 activations, uint8 pixels in and uint8 scores out; calibrated",
        is_quantized=True,
        is_calibrated=True,
        tolerance=24 / 256,
        signal=3.0,
        error=1.0,
        drop=0.1,
        color="#d55e00",
    ),
)
BY_NAME = {variant.name: variant for variant in TABLE}
NAMES = tuple(BY_NAME)
DEFAULT = tuple(variant.name for variant in TABLE if variant.is_default)
