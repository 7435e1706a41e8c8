"""Runs inside .venv-tflite-runtime: what each model file answers for each image of an .npy file.

    python tflite_runtime_scores.py IMAGES.npy SCORES.json MODEL…

SCORES.json: for each model a list of raw output numbers an image. Nothing of framelite is imported here.
"""

import json
import sys
from pathlib import Path

import numpy as np
from tflite_runtime.interpreter import Interpreter


def scores(model: str, images: "np.ndarray") -> "list[list[float]]":
    interpreter = Interpreter(model_path=model)
    interpreter.allocate_tensors()
    (source,), (answer,) = interpreter.get_input_details(), interpreter.get_output_details()
    rows = []
    for image in images:
        interpreter.set_tensor(source["index"], image[None].astype(source["dtype"]))
        interpreter.invoke()
        rows.append(interpreter.get_tensor(answer["index"])[0].tolist())
    return rows


def main() -> None:
    images, target, *models = sys.argv[1:]
    answers = [scores(model, np.load(images)) for model in models]
    Path(target).write_text(json.dumps(answers), encoding="utf-8")


if __name__ == "__main__":
    main()
