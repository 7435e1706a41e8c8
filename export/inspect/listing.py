"""`export inspect`: what is in a .tflite file, for people and as JSON."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from device import command, files, records, text
from export.inspect import contents
from export.inspect.contents import Contents, End


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog=command.program("export", "inspect"),
        description="What is in a .tflite file: operators, inputs and outputs, sizes, multiply-accumulates.",
    )
    top.add_argument("model", type=Path, metavar="FILE.tflite", help="any .tflite file")
    top.add_argument("--json", metavar="FILE|-", help="as a JSON document")
    return top


def main(words: Sequence[str]) -> int:
    given = parser().parse_args(words)
    files.check_target(given.json, "--json")
    found = contents.read(given.model)
    if given.json:
        files.deliver_json({"schema": 1, **records.to_json(found)}, given.json)
    else:
        command.show(lines(found))
    return command.GOOD


def lines(found: Contents) -> list[str]:
    rows = [("input", _end(one)) for one in found.inputs] + [("output", _end(one)) for one in found.outputs]
    sizes = ", ".join(f"{one.name} {text.size(one.file_bytes)}" for one in found.parts if one.file_bytes)
    rows += [("size", f"{text.size(found.file_bytes)}: {sizes}")]
    rows += [("work", f"{found.macs:,} multiply-accumulates, {found.parameters:,} parameters")]
    rows += [("by", found.description)] if found.description else []
    rows += [("graphs", f"{found.subgraphs}; the operators are the first one's")] if found.subgraphs > 1 else []
    operators = [
        [one.name, str(one.count), f"{one.macs:,}" if one.macs else "-", _by_xnnpack(one.by_xnnpack, one.count)]
        for one in found.operators
    ]
    table = text.table(("operator", "count", "multiply-accumulates", "XNNPACK"), operators)
    return [*(f"{name:<7} {value}" for name, value in rows), "", *table, f"XNNPACK: {found.xnnpack}"]


def _end(end: End) -> str:
    shape = "x".join("?" if side < 0 else str(side) for side in end.shape)
    scaled = "" if end.scale is None else f", scale {end.scale:.6g}, zero point {end.zero_point}"
    return f"{shape} {end.type.lower()}{scaled}  {end.name}"


def _by_xnnpack(taken: int | None, count: int) -> str:
    if taken is None:
        return "?"
    return "yes" if taken == count else "no" if not taken else f"{taken} of {count}"
