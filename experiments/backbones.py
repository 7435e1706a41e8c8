"""The int8 latency of each backbone whose weights are on this machine, for `python -m train backbones`.

    make backbones        half a minute a backbone; nothing else may run

Each becomes a two-label network at 224x224, goes through export's converter and quantizer with images of random
pixels (latency does not depend on them), and all are timed interleaved on one thread.
"""

import tempfile
from pathlib import Path

import numpy as np

from benchmarks.documents.models import Model
from benchmarks.measure import latency
from experiments.record import write

SIZE = (224, 224)


def main() -> None:
    from export.conversion import convert, quantize
    from train.backbones import measured
    from train.backbones.backbones import BACKBONES
    from train.networks import networks
    from train.recipes import catalog, settings

    here = [backbone for backbone in BACKBONES.values() if backbone.weights_path.is_file()]
    random = np.random.default_rng(1)
    wanted = catalog.get("transfer")
    calibration = [random.integers(0, 256, (1, *SIZE, 3)).astype(np.float32) for _ in range(4)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = []
        for backbone in here:
            model = networks.build(settings.replaced(wanted, backbone=backbone.name, image_size=SIZE), 2)
            model.save(folder / "model.keras")
            float32, _ = convert.convert(folder / "model.keras", np.zeros((0, *SIZE, 3), np.uint8))
            path = folder / f"{backbone.name}.tflite"
            path.write_bytes(quantize.make("int8", float32, iter(calibration), 0, 255))
            files.append(Model(path, None, None))
        timed = latency.measure(files, 5.0).rows
    rows = [
        {"backbone": backbone.name, "p50_ms": round(row.p50_ms, 3), "n": row.n, "file_bytes": row.file_bytes}
        for backbone, row in zip(here, timed, strict=True)
        if row.p50_ms is not None
    ]
    write("backbones", rows, "make backbones", folder=measured.FILE.parent, size=list(SIZE))


if __name__ == "__main__":
    main()
