"""Runs inside .venv-mediapipe: stock MediaPipe's ImageClassifier on the images of an .npy file.

    python mediapipe_classify.py MODEL IMAGES.npy SCORES.json

SCORES.json: for each image every label with its score. Nothing of framelite is imported here.
"""

import json
import sys
from pathlib import Path

import mediapipe
import numpy as np
from mediapipe.tasks import python as tasks
from mediapipe.tasks.python import vision


def main() -> None:
    model, images, target = sys.argv[1:4]
    options = vision.ImageClassifierOptions(base_options=tasks.BaseOptions(model_asset_path=model))
    answers = []
    with vision.ImageClassifier.create_from_options(options) as classifier:
        for pixels in np.load(images):
            image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=pixels)
            (head,) = classifier.classify(image).classifications
            answers.append({category.category_name: category.score for category in head.categories})
    Path(target).write_text(json.dumps(answers), encoding="utf-8")


if __name__ == "__main__":
    main()
