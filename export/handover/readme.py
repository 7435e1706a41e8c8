"""README.md of a hand-over folder: what each file is, in which shape and order, and how to compare with it."""

from collections.abc import Iterator, Sequence

from device.evaluation.exports import Export
from device.inference.runtime import find
from device.model import channels
from export.conversion import pixels
from export.source.sources import ExportSource

# What is compiled of which file, by the makers' own documents.
COMPILERS = (
    ("Hailo Dataflow Compiler", "{name}_float32.tflite", "https://hailo.ai/developer-zone/"),
    ("Sony IMX500 converter, Model Compression Toolkit", "model.keras", "https://developer.aitrios.sony-semicon.com/"),
    ("Coral's Edge TPU Compiler", "{name}_int8.tflite", "https://coral.ai/docs/edgetpu/compiler/"),
)

SONY = (
    "",
    "Sony's works with an older Keras, which doesn't load model.keras, and refuses its layer Rescaling: framelite's"
    " experiments/imx500.py builds the network anew for it.",
)


def lines(source: ExportSource, variants: Sequence[str], made: Export) -> list[str]:
    """variants: whose networks lie there."""
    spec, name = pixels.fed(source.input), source.name
    images = source.calibration.images.shape
    litert = find("litert")
    files = [f"{name}_{variant}.tflite" for variant in variants]
    files += ["model.keras"] if source.is_run else []
    return [
        f"# {name}, for compilers of other makers",
        "",
        "| file | what |",
        "| --- | --- |",
        *(f"| `{file}` | {_what(file)} |" for file in files),
        f"| `calibration.npy` | {images[0]} calibration images, uint8 {list(images)}: image, row, column, and red,"
        " green, blue; pixels 0..255 as the network sees them, already fitted and resized |",
        "| `normalization.json` | `mean` and `std` of red, green and blue: the float networks take"
        " (pixel - mean) / std as float32 |",
        "| `labels.txt` | a label a line, in the order of the outputs; UTF-8 |",
        f"| `expected_scores.npy` | what `{name}_float32.tflite` gives for these images in {litert.name}"
        f" {litert.version}: float32, a row an image; {source.output.kind} |",
        "",
        f"Here mean is {channels.text(spec.mean)} and std is {channels.text(spec.std)}. The images are of the"
        f" {source.calibration.split} part of the data, drawn by seed {source.calibration.seed}; the network may have"
        " been trained on them, so they calibrate and compare, and don't say how accurate a model is.",
        "",
        "## Compare what was compiled",
        "",
        "Feed it calibration.npy and compare its scores with expected_scores.npy, row by row: the share of rows with"
        " the same highest score, and the largest difference.",
        *_yardstick(made),
        "",
        "## Which compiler takes what",
        "",
        "By the makers' own documents. None of these compilers was run on this folder; what was run is"
        f" `{name}_float32.tflite` in LiteRT.",
        *(SONY if source.is_run else ()),
        "",
        "| compiler | takes | documents |",
        "| --- | --- | --- |",
        *(f"| {who} | `{file}` | {where} |" for who, file, where in _compilers(name) if file in files),
    ]


def _compilers(name: str) -> Iterator[tuple[str, str, str]]:
    """The maker, the file for its compiler, and the maker's documentation."""
    for who, file, where in COMPILERS:
        yield who, file.format(name=name), where


def _what(file: str) -> str:
    if file.endswith(".keras"):
        return (
            "the Keras model that it was converted from; takes the same numbers (one that ends in a sigmoid gives the"
            " second label's probability alone)"
        )
    if file.endswith("_int8.tflite"):
        return "LiteRT's own int8, with uint8 pixels in and uint8 scores out"
    return "the float network, TensorFlow Lite, float32 in and out, batch 1"


def _yardstick(made: Export) -> Iterator[str]:
    """The accuracy that int8 loses in LiteRT, from export.json."""
    row = next((row for row in made.variants if row.variant == "int8" and row.file), None)
    if row is None or row.agreement is None or row.largest_error is None:
        return
    yield ""
    yield (
        f"For comparison: LiteRT's int8 has the same highest score as the source for {100 * row.agreement:.1f} % of"
        f" {row.n} {row.split} images, and no score differs by more than {row.largest_error:.3g}."
    )
