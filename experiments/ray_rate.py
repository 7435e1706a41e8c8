"""Images a second of Ray Data on this machine, a worker a core, beside `classifier.map` in the same run.

    python -m experiments.ray_rate [--images 20000]

A quarter of an hour; nothing else may run; needs .venv-ray (make test-setup).

One process in that environment does both, alternating, on the same drawn files; Ray's time includes the start of its
workers, as in every call of `map_batches`; `one` is the time for a single image. Writes results/ray_rate.json.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from device.host import system
from experiments.classify_cost import draw
from experiments.interleaved import Worker
from experiments.record import ROOT, write

MODEL = ROOT / "device/models/cifar10_int8.tflite"
PYTHON = ROOT / ".venv-ray/bin/python"
ROUNDS = 7
WORKER = """
import sys, time
from pathlib import Path
import ray
from framelite import Classifier
model, folder, one, cores = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
ray.init(num_cpus=cores, object_store_memory=200_000_000, include_dashboard=False, log_to_driver=False)
class Labels:
    def __init__(self, model):
        self.classifier = Classifier(model)
    def __call__(self, batch):
        return {"label": [self.classifier(image).label for image in batch["bytes"]]}
def by_ray(folder):
    workers = ray.data.ActorPoolStrategy(size=cores)
    labels = ray.data.read_binary_files(folder).map_batches(
        Labels, fn_constructor_args=(model,), compute=workers, num_cpus=0.5, batch_size=64
    )
    return sum(1 for _ in labels.iter_rows())
classifier = Classifier(model)
def by_map(folder):
    return sum(1 for _ in classifier.map(sorted(Path(folder).iterdir())))
sides = {"ray": lambda: by_ray(folder), "one": lambda: by_ray(one), "map": lambda: by_map(folder)}
for line in sys.stdin:
    began = time.perf_counter()
    sides[line.strip()]()
    print(time.perf_counter() - began, flush=True)
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--images", type=int, default=20_000)
    options.add_argument("--rounds", type=int, default=ROUNDS)
    options.add_argument("--into", default="ray_rate", metavar="NAME", help="results/NAME.json (default ray_rate)")
    given = options.parse_args()
    if not PYTHON.exists():
        sys.exit(f"{PYTHON}: there is no such environment; make it with: make test-setup")
    images = {"map": given.images, "ray": given.images, "one": 1}
    seconds: dict[str, list[float]] = {side: [] for side in images}
    with tempfile.TemporaryDirectory(prefix="framelite-ray-") as name:
        many, one = Path(name) / "many", Path(name) / "one"
        for folder, count in ((many, given.images), (one, 1)):
            folder.mkdir()
            draw(folder, count)
        with Worker([PYTHON, "-c", WORKER, MODEL, many, one, str(system.usable_cores())]) as worker:
            for _ in range(given.rounds + 1):
                for side, took in seconds.items():
                    took.append(float(worker.step(side)))
    rows = []
    for side, (_, *took) in seconds.items():  # the first round is the warm-up
        median = statistics.median(took)
        rows.append(
            {"what": side, "images": images[side], "per_second": images[side] / median, "s": median, "by_round_s": took}
        )
    write(given.into, rows, "python -m experiments.ray_rate", cores=system.usable_cores())


if __name__ == "__main__":
    main()
