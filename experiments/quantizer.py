"""How long the quantizer takes for int8 with 200 calibration images, the libraries' import apart.

python -m experiments.quantizer RUN          RUN: a trained and exported run folder
"""

import argparse
import statistics
import time
from pathlib import Path

from experiments.record import write


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("run", type=Path)
    asked = options.parse_args()
    from device.model import card
    from export.conversion import quantize
    from export.source.find import find
    from export.source.request import ExportRequest

    source = find(ExportRequest(asked.run))
    float32 = card.network_bytes(asked.run / "export" / f"{source.name}_float32.tflite")
    seconds = []
    for _ in range(5):
        start = time.monotonic()
        quantize.make("int8", float32, source.tensors(), *source.input_range)
        seconds.append(time.monotonic() - start)
    row = {
        "recipe": source.recipe,
        "images": len(source.calibration.images),
        "n": len(seconds),
        "median_s": statistics.median(seconds),
        "max_s": max(seconds),
    }
    write("quantizer", [row], f"python -m experiments.quantizer runs/{source.name}")


if __name__ == "__main__":
    main()
