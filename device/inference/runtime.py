"""Finds a TFLite interpreter on this machine: LiteRT, else tflite-runtime, else the one inside TensorFlow."""

import importlib
import importlib.metadata
import io
import os
import warnings
from contextlib import redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from device.errors import UserError
from device.model import flatbuffer, shapes

# name -> (module that holds Interpreter, distribution whose version counts), in the order they are tried
RUNTIMES = {
    "litert": ("ai_edge_litert.interpreter", ("ai-edge-litert",)),
    "tflite-runtime": ("tflite_runtime.interpreter", ("tflite-runtime",)),
    "tensorflow": ("tensorflow.lite.python.interpreter", ("tensorflow-cpu", "tensorflow")),
}


@dataclass(frozen=True)
class Runtime:
    """A TFLite interpreter that can be imported here: its name, its version, and its Interpreter class."""

    name: str
    version: str
    interpreter: Any

    def open(
        self,
        path: Path,
        threads: int,
        size: tuple[int, int] | None = None,
        content: bytes | None = None,
        keeps_tensors: bool = False,
    ) -> Any:
        """An interpreter with allocated tensors; UserError if the file is no model, or this runtime can't run it.

        size: (height, width) for a network that leaves them open (device/model/shapes.py). content: the file's bytes,
        so that the interpreter survives overwriting; without them it maps the file, which costs no memory and ends the
        process (SIGBUS) if the file gets shorter. keeps_tensors: the results of all layers can be read after `invoke`,
        at more time and memory: none share memory, and XNNPACK is off.
        """
        flatbuffer.check(path, content)
        # As bytes: a name may be no UTF-8.
        source: dict[str, Any] = {"model_path": os.fsencode(path)} if content is None else {"model_content": content}
        if keeps_tensors:
            kernels = importlib.import_module(RUNTIMES[self.name][0]).OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
            source |= {"experimental_preserve_all_tensors": True, "experimental_op_resolver_type": kernels}
        settled = None
        try:
            # numpy 2 prints a page about modules that were built for numpy 1; the error below is one line.
            with redirect_stderr(io.StringIO()):
                interpreter = self.interpreter(**source, num_threads=threads)
            settled = shapes.settle(interpreter, path, size)
            interpreter.allocate_tensors()
            if settled or shapes.has_open_output(interpreter):
                shapes.try_out(interpreter)
        except (ValueError, RuntimeError, MemoryError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            what = f"run the model with an input of {list(settled)}" if settled else "load the model"
            raise UserError(f"{path}: {self.name} {self.version} can't {what}: {reason}") from None
        except SystemError as error:  # an extension module that was built for another numpy
            raise UserError(
                f"{self.name} {self.version} can't load any model: {error.__cause__ or error}; what fits together:"
                " python -m device doctor"
            ) from None
        return interpreter


def find(name: str | None = None) -> Runtime:
    """The runtime called `name`, or the first of RUNTIMES that can be imported; UserError says what to install."""
    if name is not None and name not in RUNTIMES:
        raise UserError(f"unknown runtime {name!r}, expected one of {', '.join(RUNTIMES)}; leave it out for any")
    reasons = []
    for candidate in [name] if name else RUNTIMES:
        module, distributions = RUNTIMES[candidate]
        try:
            interpreter = importlib.import_module(module).Interpreter
        except (ImportError, AttributeError) as error:
            # tflite-runtime under numpy 2 ends in an AttributeError inside its extension module.
            reasons.append(f"{candidate} ({str(error).splitlines()[0] if str(error) else type(error).__name__})")
            continue
        # TensorFlow's warns about its removal each time; who asks for it by name knows.
        warnings.filterwarnings("ignore", message=r"\s*Warning: tf\.lite\.Interpreter is deprecated")
        return Runtime(candidate, _version(distributions), interpreter)
    raise UserError(
        f"no TFLite interpreter can be imported: {'; '.join(reasons)}; install one with: pip install '.[device]'"
        " (32-bit boards: '.[tflite-runtime]')"
    )


def run_once(interpreter: Any, tensor: Any) -> Any:
    """The raw output of a network with one input and one output for a tensor, flat, in the output's own type."""
    (source,), (output,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.set_tensor(source["index"], tensor)
    interpreter.invoke()
    return interpreter.get_tensor(output["index"]).reshape(-1)


def _version(distributions: tuple[str, ...]) -> str:
    for distribution in distributions:
        try:
            return importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "unknown"
