"""What a path is that is given to export: a run, or anyone's model. Its content says so, never its name."""

from device.data import run_record
from device.errors import UserError
from device.model import model_kinds
from export.source import foreign, run
from export.source.request import ExportRequest
from export.source.sources import ExportSource

EXPECTED = "a run folder, a float .tflite, a Keras model or a SavedModel"


def find(request: ExportRequest) -> ExportSource:
    """UserError when the model, its labels or its images can't be had."""
    path = request.model
    if path.is_file():
        return _of_file(request)
    if path.is_dir() and not (path / run_record.NAME).is_file():
        kind = model_kinds.of_folder(path)
        if kind in model_kinds.CONVERTIBLE or model_kinds.of_project(path):
            return foreign.source(request)
        if kind is not None:
            raise UserError(f"{path}: this is {kind.what}, expected {EXPECTED}; {kind.todo}")
    if not path.exists() and path.suffix.lower() in model_kinds.ENDINGS:
        raise UserError(f"{path}: there is no such model file, expected {EXPECTED}; check the path")
    return run.source(request)


def _of_file(request: ExportRequest) -> ExportSource:
    path = request.model
    if model_kinds.is_tflite(path):
        return foreign.source(request)
    kind, is_called_keras = model_kinds.of_file(path), path.suffix == ".keras"
    if (
        is_called_keras
        and kind in (model_kinds.KERAS, model_kinds.UNKNOWN)
        and (path.parent / run_record.NAME).is_file()
    ):
        return run.source(request)
    # What is said to be a .keras and is nothing else that is known, Keras itself shall judge.
    if kind in model_kinds.CONVERTIBLE or (is_called_keras and kind == model_kinds.UNKNOWN):
        return foreign.source(request)
    raise model_kinds.refusal(path, EXPECTED)
