"""What arithmetic on pixels costs, and the QUANTIZE at a uint8 input: one network made in several ways, side by side.

    python -m experiments.folding RUN [--pairs 8] [--images 400]        five minutes; nothing else may run

RUN: a trained run whose network scales pixels with an offset (`transfer` on MobileNetV2: Rescaling to -1..1 before a
convolution that pads). Ways: as TensorFlow converts it (MUL, ADD); the MUL in the convolution's weights and the ADD
left; both there, behind a PADV2 of the border's pixel; and the same network with a convolution that doesn't pad, where
export folds them (export/conversion/folding.py). Then int8 files of the last: with a DEQUANTIZE and a QUANTIZE in the
place of the QUANTIZE from uint8 to int8; with an int8 input, which needs neither; and with a first convolution that
computes in uint8, so that the QUANTIZE comes behind it. Latency: thread time, pairs of fresh processes that take turns.
Writes results/folding.json.
"""

import argparse
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from device.data.folders import Labeled
from device.evaluation import evaluate
from device.evaluation.paired import Paired
from device.images.images import preprocess
from experiments import pixel_ways
from experiments.interleaved import Side, compare
from experiments.record import write
from export.card import cards
from export.conversion import convert, folding, objects, quantize
from export.source.find import find
from export.source.request import ExportRequest
from export.source.sources import ExportSource

ROUNDS, TURN_S = 12, 0.1
WORKER = """
import sys, time
from pathlib import Path
from device.inference import runtime, timing
interpreter = runtime.find("litert").open(Path(sys.argv[1]), 1)
timing.feed(interpreter)
start = time.thread_time(); interpreter.invoke(); interpreter.invoke()
count = max(1, round(2 * float(sys.argv[2]) / (time.thread_time() - start)))
for line in sys.stdin:
    began = time.thread_time()
    for _ in range(count):
        interpreter.invoke()
    print((time.thread_time() - began) / count, flush=True)
"""
Reals = npt.NDArray[Any]


def int8_of(float32: bytes, source: ExportSource) -> bytes:
    """The int8 file, calibrated as export does it; the range of padded pixels is known, not calibrated."""
    known = {pixel_ways.PADDED: source.input_range}
    graph = objects.read(float32).subgraphs[0]
    has_pad = any(objects.text(tensor.name) == pixel_ways.PADDED for tensor in graph.tensors)
    return quantize.make("int8", float32, source.tensors(), *source.input_range, known if has_pad else {})


def latency(files: Mapping[str, bytes], base: str, pairs: int, folder: Path) -> dict[str, Any]:
    """Of each file to the base."""
    sides: dict[str, Side] = {}
    for name, content in files.items():
        path = folder / f"{len(sides)}.tflite"
        path.write_bytes(content)
        sides[name] = Side([sys.executable, "-c", WORKER, path, str(TURN_S)])
    return {name: vars(compare(side, sides[base], pairs, ROUNDS, name)) for name, side in sides.items() if name != base}


def scores(content: bytes, variant: str, source: ExportSource, images: Labeled, folder: Path) -> Reals:
    """Scores of the images by a bare network of this variant, n x labels."""
    path = folder / "scored.tflite"
    path.write_bytes(cards.assembled(content, cards.of(source, variant), {}))
    return evaluate.score_images(path, images)


def images_of(source: ExportSource, count: int) -> Labeled:
    """Of a run without a test those that its cross-validation judged."""
    test = source.test
    assert test is not None
    rows = np.random.default_rng(1).permutation(len(test))[:count]
    sources_of = test.sources[rows] if isinstance(test.sources, np.ndarray) else [test.sources[row] for row in rows]
    return Labeled(test.labels, sources_of, test.targets[rows], test.split, 0)


def study(run: Path, pairs: int, count: int) -> list[dict[str, Any]]:
    """A row a way and variant: latency to the first way's with its interval, accuracy, operators. pairs: of processes;
    count: test images.
    """
    source = find(ExportRequest(run))
    images = images_of(source, count)
    converted, _ = convert.convert(source.model, images.image(0)[None])
    ways = {"MUL, ADD": converted, "ADD": pixel_ways.add_left(converted), "PADV2": pixel_ways.padded(converted)}
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for variant in ("float32", "int8"):
            files = {way: one if variant == "float32" else int8_of(one, source) for way, one in ways.items()}
            ratios = latency(files, "MUL, ADD", pairs, folder)
            rows += beside(variant, files, ratios, source, images, folder)
        more, folded = valid(source, converted, images, pairs, folder)
        rows += more
        plain = pixel_ways.requantized(folded)
        others = {
            "QUANTIZE": plain,
            "DEQUANTIZE, QUANTIZE": pixel_ways.by_float(plain),
            "int8 input": pixel_ways.int8_input(plain),
            "uint8 convolution, QUANTIZE": pixel_ways.uint8_convolution(plain),
        }
        for way, ratio in latency(others, "QUANTIZE", pairs, folder).items():
            rows.append({"network": source.name, "variant": "int8", "way": way, "to": "QUANTIZE", "latency": ratio})
    return rows


def valid(
    source: ExportSource, converted: bytes, images: Labeled, pairs: int, folder: Path
) -> tuple[list[dict[str, Any]], bytes]:
    """The same network with a convolution that doesn't pad, on images of one more pixel; and its int8 file, folded."""
    size = (source.input.height + 1, source.input.width + 1)
    calibration = np.stack([preprocess(image, size, "stretch") for image in source.calibration.images])
    larger = replace(
        source,
        name=f"{source.name}, valid",
        input=replace(source.input, height=size[0], width=size[1]),
        calibration=replace(source.calibration, images=calibration),
    )
    plain = pixel_ways.without_padding(converted, size)
    ways = {"MUL, ADD": plain, "none": folding.folded(plain)}
    rows = []
    for variant in ("float32", "int8"):
        files = {way: one if variant == "float32" else int8_of(one, larger) for way, one in ways.items()}
        rows += beside(variant, files, latency(files, "MUL, ADD", pairs, folder), larger, images, folder)
    return rows, files["none"]


def beside(
    variant: str,
    files: Mapping[str, bytes],
    ratios: Mapping[str, Any],
    source: ExportSource,
    images: Labeled,
    folder: Path,
) -> list[dict[str, Any]]:
    """Each way's scores beside those of the network as it is converted, in float32."""
    found = {way: scores(one, variant, source, images, folder) for way, one in files.items()}
    rows = []
    for way, ours in found.items():
        right = {one: found[one].argmax(axis=1) == images.targets for one in found}
        pair = Paired.of(right["MUL, ADD"], right[way])
        rows.append(
            {
                "network": source.name,
                "variant": variant,
                "way": way,
                "to": "MUL, ADD",
                "latency": ratios.get(way),
                "largest_difference": float(np.abs(ours - found["MUL, ADD"]).max()),
                "n": len(images),
                "top1": float(right[way].mean()),
                "drop": pair.drop,
                "drop_interval": pair.interval,
            }
        )
    return rows


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("run", type=Path, metavar="RUN")
    options.add_argument("--pairs", type=int, default=8)
    options.add_argument("--images", type=int, default=400)
    given = options.parse_args()
    write(
        "folding", study(given.run, given.pairs, given.images), f"python -m experiments.folding runs/{given.run.name}"
    )


if __name__ == "__main__":
    main()
