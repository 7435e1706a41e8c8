"""What the quick ways of a frame cost in accuracy: the resize against one INTER_AREA, reduced decoding against whole.

    python -m experiments.frame_quality FOLDER MODEL      three minutes; needs train's packages

FOLDER: photographs in class folders cat/ and dog/, as JPEG files (DIR/LABEL or DIR/{train,test}/LABEL). Two classifiers
are asked, each about the same photographs made small in two ways: a two-label one at 224 (MobileNetV2's features, a
logistic regression of five-fold cross-validation that learned from ours), and MODEL, a CIFAR-10 network at 32, of whose
scores those of cat and dog are compared. Differences are paired: the 95 % interval is that of the discordant pairs.
Writes results/frame_quality.json.
"""

import argparse
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from device.data import folders
from device.images import images
from device.images.images import Pixels, Size
from device.inference.classifier import Classifier
from experiments.record import write

Right = npt.NDArray[np.bool_]
Way = Callable[[bytes, Size], Pixels]


def ours(data: bytes, size: Size) -> Pixels:
    """The image path of `device`."""
    return images.preprocess(images.decode(data), size)


def one_inter_area(data: bytes, size: Size) -> Pixels:
    """The same crop, shrunk by one call of OpenCV."""
    part = images.crop(images.decode(data), size)
    return np.asarray(cv2.resize(part, size[::-1], interpolation=cv2.INTER_AREA), np.uint8)


def reduced(data: bytes, size: Size) -> Pixels:
    """As `--decode auto` does: at a half, a quarter or an eighth where twice the target is left."""
    image, _ = images.decode_frame(data, size)
    return images.preprocess(image[:, :, ::-1], size)


def small(files: list[folders.File], way: Way, size: Size) -> npt.NDArray[np.uint8]:
    """The photographs at that size, n x height x width x 3."""
    return np.stack([way(file.path.read_bytes(), size) for file in tqdm(files, desc=f"{way.__name__} {size[0]}")])


def two_labels(files: list[folders.File], targets: npt.NDArray[np.int64]) -> Iterator[tuple[str, Right]]:
    """For each way, the photographs that the two-label classifier at 224 gets right."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold

    from train.backbones import backbones
    from train.networks import transfer

    backbone = backbones.get("MobileNetV2")
    network = transfer.load(backbone, (224, 224))

    def features(way: Way) -> npt.NDArray[np.float32]:
        """MobileNetV2's, n x channels, of the photographs made small in that way."""
        # Pixels to -1..1, as this backbone wants them.
        scaled = (np.float32(image) / 127.5 - 1 for image in np.array_split(small(files, way, (224, 224)), 40))
        return np.concatenate([network.predict_on_batch(batch) for batch in scaled])

    found = {way.__name__: features(way) for way in (ours, one_inter_area, reduced)}
    right = {name: np.zeros(len(files), bool) for name in found}
    for learn, test in StratifiedKFold(5, shuffle=True, random_state=1).split(found["ours"], targets):
        head = LogisticRegression(max_iter=2000).fit(found["ours"][learn], targets[learn])
        for name, numbers in found.items():
            right[name][test] = head.predict(numbers[test]) == targets[test]
    yield from right.items()


def cifar10(model: Path, files: list[folders.File], targets: npt.NDArray[np.int64]) -> Iterator[tuple[str, Right]]:
    """For each way, the photographs that a CIFAR-10 network gets right, choosing between cat and dog."""
    classifier = Classifier(model)
    labels = classifier.card.labels
    assert labels is not None
    places = [labels.index("cat"), labels.index("dog")]
    for way in (ours, one_inter_area, reduced):
        answers = [classifier.classify(p).scores[places].argmax() for p in small(files, way, classifier.size)]
        yield way.__name__, np.array(answers) == targets


def compared(name: str, reference: Right, other: Right) -> dict[str, Any]:
    """`other` against `reference` on the same photographs: difference with its 95 % interval (paired, normal)."""
    better, worse, n = int((other & ~reference).sum()), int((reference & ~other).sum()), len(reference)
    difference = (better - worse) / n
    half = 1.96 * math.sqrt(max(better + worse - (better - worse) ** 2 / n, 0)) / n
    return {
        "what": name,
        "n": n,
        "reference": float(reference.mean()),
        "ours": float(other.mean()),
        "difference": difference,
        "interval": [difference - half, difference + half],
        "only_ours_right": better,
        "only_reference_right": worse,
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("model", type=Path)
    asked = options.parse_args()
    folder = folders.read_folder(asked.folder)
    files = list(folder.files)
    targets = np.array([folder.labels.index(file.label) for file in files])
    rows = []
    for size, right in ((224, dict(two_labels(files, targets))), (32, dict(cifar10(asked.model, files, targets)))):
        rows.append(compared(f"resize to {size}: ours to one INTER_AREA", right["one_inter_area"], right["ours"]))
        rows.append(compared(f"decoding for {size}: auto to full", right["ours"], right["reduced"]))
    write("frame_quality", rows, f"python -m experiments.frame_quality {asked.folder.name} {asked.model.name}")
    for row in rows:
        print(row)


if __name__ == "__main__":
    main()
