"""README.md of a hand-over folder: what each file is, in which shape and order, and how to compare with it."""

from collections.abc import Iterator, Sequence

from device.evaluation.exports import RESCUED, Export, Rescue
from device.inference.runtime import find
from device.model import channels
from export.conversion import pixels
from export.source.sources import ExportSource

# The float network with equalized channels, beside the variants.
EQUALIZED = "float32_equalized"
# What is compiled of which file, by the makers' own documents.
CORAL, CORAL_PAGE = "Coral's Edge TPU Compiler", "https://coral.ai/docs/edgetpu/compiler/"
COMPILERS = (
    ("Hailo Dataflow Compiler", "{name}_float32.tflite", "https://hailo.ai/developer-zone/"),
    ("Sony IMX500 converter, Model Compression Toolkit", "model.keras", "https://developer.aitrios.sony-semicon.com/"),
    (CORAL, "{name}_int8.tflite", CORAL_PAGE),
    (CORAL, f"{{name}}_{RESCUED}.tflite", CORAL_PAGE),
)

ENDS = "with uint8 pixels in and uint8 scores out"
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
        *(f"| `{file}` | {_what(file, made.rescue)} |" for file in files),
        f"| `calibration.npy` | {images[0]} calibration images, uint8 {list(images)}: image, row, column, and red,"
        " green, blue; pixels 0..255 as the network sees them, already fitted and resized |",
        "| `normalization.json` | `mean` and `std` of red, green and blue: the float networks take"
        " (pixel - mean) / std as float32 |",
        "| `labels.txt` | a label a line, in the order of the outputs; UTF-8 |",
        f"| `expected_scores.npy` | what `{name}_float32.tflite` (and no other file here) gives for these images in"
        f" {litert.name} {litert.version}: float32, a row an image; {source.output.kind} |",
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


def _what(file: str, rescue: Rescue | None) -> str:
    if file.endswith(".keras"):
        return (
            "the Keras model that it was converted from; takes the same numbers (one that ends in a sigmoid gives the"
            " second label's probability alone)"
        )
    if file.endswith("_int8.tflite"):
        return f"LiteRT's own int8, {ENDS}"
    if rescue and file.endswith(f"_{RESCUED}.tflite"):
        mixed = "; an accelerator for int8 doesn't compute those" if "operators" in rescue.chosen else ""
        return f"LiteRT's own int8 as `export --rescue` made it ({rescue.chosen}), {ENDS}{mixed}"
    if file.endswith(f"_{EQUALIZED}.tflite"):
        return (
            "the float network with its channels scaled until one scale fits them all, of which the rescued int8 file"
            " was made: for these images the same scores but for rounding, and less to lose. For a compiler that takes"
            " the float .tflite and loses too much of the plain one"
        )
    return "the float network, TensorFlow Lite, float32 in and out, batch 1"


def _yardstick(made: Export) -> Iterator[str]:
    """How far from the source's LiteRT's int8 scores are, from export.json."""
    row = next((row for row in made.standing if row.variant in ("int8", RESCUED) and row.file), None)
    if row is None or row.agreement is None or row.largest_error is None:
        return
    yield ""
    yield (
        f"For comparison: `{row.file}` in LiteRT has the same highest score as the source for"
        f" {100 * row.agreement:.1f} % of {row.n} {row.split} images, and no score differs by more"
        f" than {row.largest_error:.3g}."
    )
