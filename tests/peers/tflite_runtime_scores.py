"""Runs inside .venv-tflite-runtime: what each model file answers for each picture of an .npy file.

    python tflite_runtime_scores.py PICTURES.npy SCORES.json MODEL…

SCORES.json: for each model a list of raw output numbers a picture. Nothing of framelite is imported here.
"""

import json
import sys
from pathlib import Path

import numpy as np
from tflite_runtime.interpreter import Interpreter


def scores(model: str, pictures: "np.ndarray") -> "list[list[float]]":
    interpreter = Interpreter(model_path=model)
    interpreter.allocate_tensors()
    (source,), (answer,) = interpreter.get_input_details(), interpreter.get_output_details()
    rows = []
    for picture in pictures:
        interpreter.set_tensor(source["index"], picture[None].astype(source["dtype"]))
        interpreter.invoke()
        rows.append(interpreter.get_tensor(answer["index"])[0].tolist())
    return rows


def main() -> None:
    pictures, target, *models = sys.argv[1:]
    answers = [scores(model, np.load(pictures)) for model in models]
    Path(target).write_text(json.dumps(answers), encoding="utf-8")


if __name__ == "__main__":
    main()
