"""Runs inside .venv-mediapipe: what MediaPipe's own schema classes read in model files' TFLite Metadata.

    python read_metadata.py MODEL… > METADATA.json

One JSON object a model, in a list. Nothing of framelite is imported here; MediaPipe itself isn't started either.
"""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any


def load(name: str) -> Any:
    """A generated module of mediapipe/tasks/metadata, without what mediapipe's package loads."""
    package = importlib.util.find_spec("mediapipe")
    assert package is not None and package.origin is not None
    path = Path(package.origin).parent / f"tasks/metadata/{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def plain(value: Any) -> Any:
    """Objects of the schema as JSON: fields by their names, what isn't set left out."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "__dict__"):
        return {name: plain(item) for name, item in vars(value).items() if item is not None}
    return value


def main() -> None:
    model_schema, metadata_schema = load("schema_py_generated"), load("metadata_schema_py_generated")
    documents = []
    for path in sys.argv[1:]:
        model = model_schema.ModelT.InitFromPackedBuf(Path(path).read_bytes(), 0)
        entries = [entry for entry in model.metadata if plain(entry.name) == "TFLITE_METADATA"]
        content = bytes(model.buffers[entries[0].buffer].data)
        metadata = metadata_schema.ModelMetadataT.InitFromPackedBuf(content, 0)
        documents.append(
            {"entries": len(entries), "identifier": content[4:8].decode(), "bytes": len(content), **plain(metadata)}
        )
    json.dump(documents, sys.stdout)


if __name__ == "__main__":
    main()
