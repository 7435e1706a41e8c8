"""A model file ready to be timed: loaded, with seeded random input of its tensor's type. Needs no card."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from device.errors import UserError
from device.runtime import Runtime

SEED = 1


@dataclass(frozen=True)
class Workload:
    """One interpreter with its input set: every invoke computes the same."""

    path: Path
    interpreter: Any

    def invoke(self) -> None:
        self.interpreter.invoke()


def load(path: Path, threads: int, runtime: Runtime) -> Workload:
    """Random pixels in every input: 0..255 for float and uint8, all codes for int8. UserError for another type."""
    interpreter = runtime.open(path, threads)
    random = np.random.default_rng(SEED)
    for details in interpreter.get_input_details():
        pixels = random.integers(0, 256, tuple(details["shape"]))
        if details["dtype"] == np.int8:
            pixels -= 128
        elif details["dtype"] not in (np.float32, np.uint8):
            raise UserError(f"{path}: the input is {np.dtype(details['dtype'])}, expected float32, uint8 or int8")
        interpreter.set_tensor(details["index"], pixels.astype(details["dtype"]))
    try:
        interpreter.invoke()
    except (RuntimeError, ValueError) as error:
        raise UserError(f"{path}: {runtime.name} can't run the model: {str(error).splitlines()[0]}") from None
    return Workload(path, interpreter)
