"""Runs inside .venv-mediapipe: stock MediaPipe's ImageClassifier on frames in memory, when it is asked to.

    python mediapipe_frames.py MODEL

For every line on stdin, frames for so many seconds, and a line of JSON. Nothing of framelite is imported here.
"""

import json
import sys
from time import perf_counter

import cv2
import mediapipe
import numpy as np
from mediapipe.tasks import python as tasks
from mediapipe.tasks.python import vision


def frames() -> "list[np.ndarray]":
    """As experiments/frames.py draws them, but RGB, which MediaPipe takes."""
    source = np.random.default_rng(1).integers(0, 256, (12, 24, 3), np.uint8)
    large = cv2.cvtColor(cv2.resize(source, (1600, 800), interpolation=cv2.INTER_CUBIC), cv2.COLOR_BGR2RGB)
    return [np.ascontiguousarray(large[10 * i : 720 + 10 * i, 20 * i : 1280 + 20 * i]) for i in range(8)]


def main() -> None:
    base = tasks.BaseOptions(model_asset_path=sys.argv[1])
    options = vision.ImageClassifierOptions(base_options=base, max_results=5)
    shown, number = frames(), 0
    with vision.ImageClassifier.create_from_options(options) as classifier:
        for line in sys.stdin:
            rows, end = [], perf_counter() + float(line)
            while perf_counter() < end:
                start = perf_counter()
                image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=shown[number % len(shown)])
                classifier.classify(image)
                number += 1
                rows.append({"frame": 1e3 * (perf_counter() - start)})
            print(json.dumps(rows), flush=True)


if __name__ == "__main__":
    main()
