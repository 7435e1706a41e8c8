"""Decodes the files of a folder, whole and cut off at many points; also run by a test under another OpenCV.

    python -m tests.device.decoding FOLDER

Writes FILE.npy beside every file that can be decoded, and prints {file: what decode said, or the halves it let pass}.
"""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from device.images import images, kinds


def cuts(length: int) -> list[int]:
    """Lengths to cut a file to: all over it, and closely before its end, where a marker or a checksum may be."""
    spread = {length * i // 40 for i in range(1, 40)}
    close = {length - i for i in (1, 2, 3, 4, 5, 8, 9, 12, 13, 20, 33, 60, 100)}
    return sorted(cut for cut in spread | close if 0 < cut < length)


def halves(data: bytes, whole: npt.NDArray[np.uint8]) -> list[int]:
    """The lengths at which a cut-off file is not refused and doesn't give the whole image either: must be none."""
    return [cut for cut in cuts(len(data)) if (part := decoded(data[:cut])) is not None and not equal(part, whole)]


def decoded(data: bytes) -> npt.NDArray[np.uint8] | None:
    try:
        return images.decode(data)
    except ValueError:
        return None


def equal(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> bool:
    return one.shape == other.shape and bool((one == other).all())


def main(folder: Path) -> None:
    said: dict[str, str | list[int]] = {}
    for path in sorted(file for file in folder.iterdir() if file.suffix in kinds.ENDINGS):
        try:
            image = images.decode(path.read_bytes())
        except ValueError as error:
            said[path.name] = str(error)
            continue
        np.save(f"{path}.npy", image)
        said[path.name] = halves(path.read_bytes(), image)
    print(json.dumps({"opencv": cv2.__version__, "said": said}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
