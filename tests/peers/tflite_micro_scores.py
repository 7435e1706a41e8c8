"""Runs inside .venv-tflite-micro: what each int8 model file answers for each image of an .npy file on tflite-micro.

    python tflite_micro_scores.py IMAGES.npy SCORES.json MODEL…

SCORES.json: for each model a list of raw output numbers an image. Nothing of framelite is imported here.
"""

import json
import sys
from pathlib import Path

import numpy as np
from tflite_micro.python.tflite_micro import runtime


def scores(model: str, images: "np.ndarray") -> "list[list[int]]":
    interpreter = runtime.Interpreter.from_file(model)
    kind = interpreter.get_input_details(0)["dtype"]
    rows = []
    for image in images:
        interpreter.set_input(image[None].astype(kind), 0)
        interpreter.invoke()
        rows.append(interpreter.get_output(0)[0].tolist())
    return rows


def main() -> None:
    images, target, *models = sys.argv[1:]
    answers = [scores(model, np.load(images)) for model in models]
    Path(target).write_text(json.dumps(answers), encoding="utf-8")


if __name__ == "__main__":
    main()
