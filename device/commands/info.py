"""`device info`: what is in a model file, for people and as JSON."""

from pathlib import Path
from typing import Any

from device import command, files, text
from device.inference import model_spec, runtime
from device.model import card as cards
from device.model import channels
from device.model.card import Card


def run(path: Path, runtime_name: str | None, json: str | None, size: tuple[int, int] | None = None) -> int:
    document = describe(path, runtime_name, size)
    if json:
        files.deliver_json(document, json)
    else:
        command.show(lines(document))
    return command.GOOD


def describe(path: Path, runtime_name: str | None = None, size: tuple[int, int] | None = None) -> dict[str, Any]:
    """The card with file_bytes, tail_bytes (the archive), input_dtype and output_dtype; of a third-party file what is
    known.

    size: (height, width) for a network that leaves them open.
    """
    interpreter = runtime.find(runtime_name).open(path, 1, size)
    source, output = model_spec.tensors(interpreter, path)
    card = cards.read(path)
    if card is not None:
        card, _ = model_spec.resolve(path, source, output)
    document = (card or _unknown(path, source, output)).to_json()
    if card is None:
        document["input"]["mean"] = document["input"]["std"] = None
        document["output"]["kind"] = None
    return {
        **document,
        "file_bytes": path.stat().st_size,
        "tail_bytes": cards.archive_bytes(path),
        "input_dtype": str(source.dtype),
        "output_dtype": str(output.dtype),
        "outputs": output.count,
    }


def _unknown(path: Path, source: model_spec.Tensor, output: model_spec.Tensor) -> Card:
    # The scaling becomes null above: a third-party file's is not guessed.
    return model_spec.resolve(path, source, output, model_spec.Overrides(mean=0.0, std=1.0))[0]


def lines(document: dict[str, Any]) -> list[str]:
    """What people ask first: what it is, its input, its output, how good it is, where it came from."""
    spec, accuracy = document["input"], document["accuracy"]
    mean, std = spec["mean"], spec["std"]
    scaling = "not known" if std is None else f"(pixel - {channels.text(mean)}) / {channels.text(std)}"
    labels = document["labels"]
    rows = [
        ("name", document["name"]),
        ("recipe", document["recipe"] or "-"),
        ("variant", document["variant"] or "-"),
        ("input", f"{spec['height']}x{spec['width']} {spec['color']} {document['input_dtype']}, {scaling}"),
        ("image", f"fit {spec['fit']}, resize {spec['resize']}"),
        ("output", f"{document['outputs']} x {document['output_dtype']}, {document['output']['kind'] or 'not known'}"),
        ("labels", "-" if labels is None else text.some(labels, 12)),
        ("file", f"{text.size(document['file_bytes'])}, including {text.size(document['tail_bytes'])} of archive"),
    ]
    rows += [("scores", _temperature(**document["confidence"])), ("unknown", _threshold(**document["confidence"]))]
    if accuracy is not None:
        split = accuracy["split"]
        how = "cross-validated" if split == "cross-validation" else f"on {split}"
        rows.append(("accuracy", f"{text.accuracy(accuracy['top1'], accuracy['interval'], accuracy['n'])} {how}"))
    if document["provenance"] is not None:
        rows += [("from", f"{key} {value}") for key, value in document["provenance"].items() if value is not None]
    rows.append(("golden", f"{len(document['golden'])} images ({document['golden_source'] or 'none'})"))
    return [f"{key:<9} {value}" for key, value in rows]


def _temperature(temperature: float | None, **_: float | None) -> str:
    if temperature is None:
        return "as the network gives them (no temperature)"
    how = "less sure than" if temperature > 1 else "surer than" if temperature < 1 else "as sure as"
    return f"at temperature {temperature:g}, {how} the network's own"


def _threshold(unknown_below: float | None, **_: float | None) -> str:
    return "never (no threshold)" if unknown_below is None else f"where the best score is below {unknown_below:g}"
