"""`export inspect`: what is in a .tflite file, for people and as JSON."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from device import command, files, records, text
from export.inspect import contents
from export.inspect.contents import Contents, OperatorInfo, TensorInfo

# Letters of a tensor's name that are shown.
NAME_LENGTH = 40


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog=command.program("export", "inspect"),
        description="What is in a .tflite file: operators, inputs and outputs, sizes, multiply-accumulates.",
    )
    top.add_argument("model", type=Path, metavar="FILE.tflite", help="any .tflite file")
    top.add_argument("--each", action="store_true", help="a row an operator, in the file's order")
    top.add_argument("--json", metavar="FILE|-", help="as a JSON document, with each operator")
    return top


def main(words: Sequence[str]) -> int:
    given = parser().parse_args(words)
    files.check_target(given.json, "--json")
    found = contents.read(given.model)
    if given.json:
        files.deliver_json({"schema": 1, **records.to_json(found)}, given.json)
    else:
        command.show(lines(found, given.each))
    return command.GOOD


def lines(found: Contents, shows_each: bool = False) -> list[str]:
    rows = [("input", _end(one)) for one in found.inputs] + [("output", _end(one)) for one in found.outputs]
    sizes = ", ".join(f"{one.name} {text.size(one.file_bytes)}" for one in found.parts if one.file_bytes)
    rows += [("size", f"{text.size(found.file_bytes)}: {sizes}")]
    rows += [("work", f"{found.macs:,} multiply-accumulates, {found.parameters:,} parameters")]
    rows += [("by", found.description)] if found.description else []
    rows += [("graphs", f"{found.subgraphs}; the operators are the first one's")] if found.subgraphs > 1 else []
    table = _each(found) if shows_each else _by_kind(found)
    return [*(f"{name:<7} {value}" for name, value in rows), "", *table, f"XNNPACK: {found.xnnpack}"]


def _by_kind(found: Contents) -> list[str]:
    header = ("operator", "count", "types", "output scales", "multiply-accumulates", "XNNPACK")
    rows = [
        [
            one.name,
            str(one.count),
            one.types,
            _span(one.scales),
            _work(one.macs),
            _by_xnnpack(one.by_xnnpack, one.count),
        ]
        for one in found.operators
    ]
    return text.table(header, rows)


def _each(found: Contents) -> list[str]:
    header = ("operator", "types", "output", "scale", "zero point", "weight scales", "multiply-accumulates", "XNNPACK")
    return text.table(header, [_row(one) for one in found.graph])


def _row(one: OperatorInfo) -> list[str]:
    made = one.output
    name, scale, zero_point = "-", "-", "-"
    if made is not None:
        name = f"{_shape(made)} {made.name.partition(';')[0][-NAME_LENGTH:]}"
        if made.scale is not None:
            scale, zero_point = f"{made.scale:.6g}", str(made.zero_point)
    taken = None if one.is_by_xnnpack is None else int(one.is_by_xnnpack)
    weights = str(one.weight_scales) if one.weight_scales else "-"
    return [one.name, one.types, name, scale, zero_point, weights, _work(one.macs), _by_xnnpack(taken, 1)]


def _end(end: TensorInfo) -> str:
    scaled = "" if end.scale is None else f", scale {end.scale:.6g}, zero point {end.zero_point}"
    return f"{_shape(end)} {end.type.lower()}{scaled}  {end.name}"


def _shape(tensor: TensorInfo) -> str:
    return "x".join("?" if side < 0 else str(side) for side in tensor.shape)


def _span(scales: tuple[float, float] | None) -> str:
    if scales is None:
        return "-"
    low, high = (f"{scale:.3g}" for scale in scales)
    return low if low == high else f"{low} to {high}"


def _work(macs: int) -> str:
    return f"{macs:,}" if macs else "-"


def _by_xnnpack(taken: int | None, count: int) -> str:
    if taken is None:
        return "?"
    return "yes" if taken == count else "no" if not taken else f"{taken} of {count}"
