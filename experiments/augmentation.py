"""How many augmented images a second training is given, and how many six Keras layers in a row give.

    python -m experiments.augmentation        about two minutes; nothing else may run

Ours is the whole way of a batch: rows of the memory-mapped cache, shuffled, through train/data/batches.py to the
arrays that Keras is given. The layers take the same rows of the same cache. Each fresh process times both in turns,
and gives one ratio; the interval is over processes.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.statistics import stats
from device.data.cache_index import CachedSplit, CacheIndex, SplitSettings
from device.data.folders import Cache
from experiments.record import write
from train.recipes import catalog, settings

SIZE, WARM_UP, PROCESSES = 128, 2, 8
RECIPE = settings.replaced(
    catalog.get("cats_vs_dogs_tutorial"),
    image_size=(SIZE, SIZE),
    batch_size=64,
    steps_per_epoch=0,
    rotation_range=40.0,
    width_shift_range=0.2,
    height_shift_range=0.2,
    shear_range=20.0,
    zoom_range=(0.8, 1.2),
    horizontal_flip=True,
    brightness_range=(0.8, 1.2),
)


def random_cache(folder: Path, count: int) -> Cache:
    """A cache of random pixels on the disk; how long an image takes does not depend on them."""
    images = np.lib.format.open_memmap(folder / "train.npy", "w+", np.uint8, (count, SIZE, SIZE, 3))
    random = np.random.default_rng(1)
    for i in range(count):
        images[i] = random.integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    images.flush()
    names = tuple(map(str, range(count)))
    splits = {"train": CachedSplit(tuple(i % 2 for i in range(count)), names, names), "test": CachedSplit((), (), ())}
    split = SplitSettings(0.0, 1)
    return Cache(
        folder, CacheIndex("random", "random", ("one", "other"), SIZE, SIZE, "crop", "drawn", split, (), splits)
    )


def keras_layers() -> Callable[[Any], Any]:
    """The same six, each with its own interpolation."""
    import keras
    import tensorflow as tf

    from train.environment import keras_settings

    keras_settings.apply()
    layers = keras.Sequential(
        [
            keras.layers.RandomRotation(40 / 360, fill_mode="nearest"),
            keras.layers.RandomTranslation(0.2, 0.2, fill_mode="nearest"),
            keras.layers.RandomShear(0.2, 0.2, fill_mode="nearest"),
            keras.layers.RandomZoom(0.2, 0.2, fill_mode="nearest"),
            keras.layers.RandomFlip("horizontal"),
            keras.layers.RandomBrightness(0.2),
        ]
    )
    changed = tf.function(lambda batch: layers(batch, training=True))
    return lambda images: changed(tf.constant(images, tf.float32)).numpy()


def seconds_of(call: Callable[[Any], Any], given: Any) -> float:
    """Wall time of one call with what it is given, in seconds."""
    start = time.perf_counter()
    call(given)
    return time.perf_counter() - start


def measure(cache: Cache, rounds: int) -> dict[str, float]:
    """Images a second of each, and as `ratio` the median of how many times as long the layers took for the same
    batch."""
    from train.data.batches import Batches

    images = cache.images("train")
    batches, layers = Batches(cache, np.arange(len(images)), RECIPE), keras_layers()
    whole = len(images) // RECIPE.training.batch_size
    seconds: dict[str, list[float]] = {"ours": [], "six Keras layers": []}
    for number in range(rounds + WARM_UP):
        index = number % whole
        shown = batches.order[index * RECIPE.training.batch_size : (index + 1) * RECIPE.training.batch_size]
        took = seconds_of(lambda i: batches[i], index), seconds_of(lambda rows: layers(images[rows]), shown)
        if number >= WARM_UP:
            for name, one in zip(seconds, took, strict=True):
                seconds[name].append(one)
    rates = {name: RECIPE.training.batch_size / statistics.median(each) for name, each in seconds.items()}
    return {**rates, "ratio": statistics.median(b / a for a, b in zip(*seconds.values(), strict=True))}


def fresh(images: int, rounds: int) -> dict[str, float]:
    """What `measure` gives in a process of its own."""
    words = ["--process", "--images", str(images), "--rounds", str(rounds)]
    command = [sys.executable, "-m", "experiments.augmentation", *words]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return found


def main() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--images", type=int, default=2000, help="in the cache (49 KB each)")
    options.add_argument("--rounds", type=int, default=30, help="batches of each")
    options.add_argument("--process", action="store_true", help="one of the processes: prints its figures")
    asked = options.parse_args()
    if asked.process:
        with tempfile.TemporaryDirectory() as name:
            print(json.dumps(measure(random_cache(Path(name), asked.images), asked.rounds)))
        return
    found = [fresh(asked.images, asked.rounds) for _ in range(PROCESSES)]
    ratio = stats.geometric_center([each.pop("ratio") for each in found])
    assert ratio is not None
    rows = [{"what": what, "images_per_s": statistics.median(each[what] for each in found)} for what in found[0]]
    summary: dict[str, Any] = {"size": SIZE, "batch": RECIPE.training.batch_size, "images": asked.images}
    summary |= {"rounds": asked.rounds, "processes": len(found), "ratio": ratio.middle}
    write("augmentation", rows, "python -m experiments.augmentation", **summary, interval=(ratio.low, ratio.high))


if __name__ == "__main__":
    main()
