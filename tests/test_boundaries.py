"""Who may import what: a board gets device/ (and benchmarks/) alone, and images go one way only."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import ROOT, environment

PACKAGES = ("device", "train", "export", "benchmarks")
# The front door imports them all, when it is asked to; nobody imports it.
FRONT_DOOR = "framelite"
MODULES = {package: sorted((ROOT / package).rglob("*.py")) for package in (FRONT_DOOR, *PACKAGES)}
FILES = [path for paths in MODULES.values() for path in paths]
# What a board has beside an interpreter, by the name that is imported.
ON_A_BOARD = {"device", "numpy", "cv2"}
# Rooms that need an extra, or a library that only a Raspberry Pi has: imported late, when they are asked for.
EXTRAS: dict[str, set[str]] = {
    "benchmarks.report.charts": {"matplotlib"},
    "benchmarks.report.drawing": {"matplotlib"},
    "benchmarks.report.figures": set(),  # by way of charts
    "benchmarks.report.page": set(),
    "benchmarks.report.quantization": set(),
    "device.images.figures": {"matplotlib"},
    "device.live.outputs.mqtt.connection": {"paho"},
    "device.live.outputs.mqtt.mqtt": set(),  # by way of connection
    "device.live.outputs.web.server.application": {"starlette", "uvicorn"},
    "device.live.outputs.web.server.authentication": {"starlette"},
    "device.live.outputs.web.server.connections": {"starlette", "uvicorn"},
    "device.live.outputs.web.server.metrics": {"prometheus_client"},
    "device.live.sources.picamera": {"picamera2"},
}
TRAINING = {"tensorflow", "keras", "matplotlib", "sklearn", "skimage", "PIL"}

LOADED = """
import importlib, sys
before = set(sys.modules)
for name in sys.argv[1:]:
    importlib.import_module(name)
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)))
"""


@cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(text_of(path))


def name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def loaded(*modules: str, python: Path | str = sys.executable) -> set[str]:
    """What is in memory, beside the standard library, after a fresh process imported these."""
    done = subprocess.run([python, "-c", LOADED, *modules], cwd=ROOT, capture_output=True, text=True, check=True)
    # numpy 1 is built with Cython, which leaves modules of its own.
    return {module for module in done.stdout.split() if "cython" not in module}


@cache
def imported(path: Path) -> list[tuple[str, ast.stmt]]:
    """Every module a file imports, wherever in it, with the statement."""
    found: list[tuple[str, ast.stmt]] = []
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found += [(alias.name, node) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{path}: a relative import"
            found.append((node.module, node))
    return found


def packages_of(path: Path) -> set[str]:
    return {module.partition(".")[0] for module, _ in imported(path)} - set(sys.stdlib_module_names)


def test_there_is_something_to_look_at() -> None:
    assert all(len(MODULES[package]) > 5 for package in PACKAGES)
    assert packages_of(ROOT / "device/images/images.py") == {"numpy", "device", "cv2"}


# In a fresh process.


def test_a_package_alone_imports_nothing() -> None:
    assert loaded("device") == {"device"}
    assert loaded("train") == {"train"}


def test_the_command_line_is_answered_before_anything_heavy_is_loaded() -> None:
    assert loaded("device.__main__", "device.live.options") == {"device"}
    assert loaded("benchmarks.__main__") == {"device", "benchmarks"}
    assert loaded("train.__main__", "export.__main__").isdisjoint(TRAINING)
    # It refuses what can't be: a SOURCE_DATE_EPOCH that is no number ends the import of scipy, too.
    assert loaded("export.exporting").isdisjoint({*TRAINING, "scipy", "litert_quantizer"})


def test_all_of_device_needs_numpy_and_opencv_and_nothing_else() -> None:
    everything = [name(path) for path in MODULES["device"] if name(path) not in EXTRAS]
    assert loaded(*everything) == ON_A_BOARD
    assert loaded(*everything, python=environment("tflite-runtime")) == ON_A_BOARD


def test_an_interpreter_brings_no_tensorflow() -> None:
    assert loaded("device.inference.classifier", "ai_edge_litert.interpreter").isdisjoint(TRAINING)


def test_all_of_benchmarks_needs_nothing_more() -> None:
    """But for the charts of a report, which are drawn where it is read."""
    everything = [name(path) for path in MODULES["benchmarks"] if name(path) not in EXTRAS]
    assert loaded(*everything) == {*ON_A_BOARD, "benchmarks"}
    assert loaded(*everything, python=environment("tflite-runtime")) == {*ON_A_BOARD, "benchmarks"}


def test_export_is_loaded_without_tensorflow() -> None:
    """But for what its process of conversion loads a model by."""
    others = [name(path) for path in MODULES["export"] if name(path) != "export.conversion.loading"]
    assert loaded(*others).isdisjoint({"tensorflow", "keras", "h5py"})


# In the source.


@pytest.mark.parametrize("path", FILES, ids=name)
def test_packages_meet_in_device_alone(path: Path) -> None:
    own = path.relative_to(ROOT).parts[0]
    allowed = {"device", own} if own in PACKAGES else set(PACKAGES)
    assert packages_of(path) & {FRONT_DOOR, *PACKAGES} <= allowed


@pytest.mark.parametrize("path", MODULES["device"], ids=name)
def test_device_names_nothing_but_what_a_board_has(path: Path) -> None:
    assert packages_of(path) <= ON_A_BOARD | EXTRAS.get(name(path), set())


def test_interpreters_are_named_in_one_place() -> None:
    """As text, since they are imported by name."""
    for path in FILES:
        text = text_of(path)
        for interpreter in ("ai_edge_litert.interpreter", "tflite_runtime.interpreter", "lite.python.interpreter"):
            assert (interpreter in text) == (name(path) == "device.inference.runtime"), path


@pytest.mark.parametrize("path", MODULES["benchmarks"], ids=name)
def test_benchmarks_name_nothing_more(path: Path) -> None:
    progress = {"tqdm"} if path.stem == "progress" else set()  # imported late, and only where it is there
    assert packages_of(path) <= {*ON_A_BOARD, "benchmarks", *progress, *EXTRAS.get(name(path), set())}


def test_tensorflow_is_for_training_and_one_conversion() -> None:
    for path in FILES:
        if packages_of(path) & {"tensorflow", "keras"}:
            assert path.is_relative_to(ROOT / "train") or name(path) == "export.conversion.loading", path
    assert "tensorflow" in packages_of(ROOT / "export/conversion/loading.py")


def test_nobody_but_images_decodes_or_resizes() -> None:
    forbidden = {"imread", "imreadmulti", "imdecode", "imdecodemulti", "resize", "resizeWindow", "pyrDown", "remap"}
    users = set()
    for path in FILES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "cv2":
                users |= {name(path)} if node.attr in forbidden else set()
        assert "PIL" not in packages_of(path), path
        whole = [node for module, node in imported(path) if module == "cv2"]
        assert all(isinstance(node, ast.Import) for node in whole), f"{path}: from cv2 import … hides what is used"
    assert users == {"device.images.images"}


def test_no_module_is_a_drawer() -> None:
    """Of the tests and the experiments neither."""
    beside = [path for folder in ("tests", "experiments") for path in (ROOT / folder).rglob("*.py")]
    for path in [*FILES, *beside]:
        assert path.stem not in {"utils", "util", "common", "helpers", "misc", "manager"}, path
        assert len(text_of(path).splitlines()) <= 300, path


@pytest.mark.parametrize("path", FILES, ids=name)
def test_every_module_says_what_it_holds(path: Path) -> None:
    assert ast.get_docstring(tree_of(path))


# Circles between folders.


def folder(module: str) -> str:
    """Of a module or a package, by its name."""
    path = ROOT.joinpath(*module.split("."))
    return module if path.is_dir() else module.rpartition(".")[0]


def folders_imported() -> dict[str, set[str]]:
    """Of each folder with code the other ones that its modules import, at any depth, for types too.

    But for `__init__` and `__main__` of the packages themselves: the front doors know the whole house.
    """
    found: dict[str, set[str]] = {}
    for path in FILES:
        module = name(path)
        if module in PACKAGES or module.removesuffix(".__main__") in PACKAGES:
            continue
        own = ".".join(path.relative_to(ROOT).parent.parts)
        found.setdefault(own, set())
        for target, node in imported(path):
            if target.partition(".")[0] in PACKAGES:
                names = [alias.name for alias in node.names] if isinstance(node, ast.ImportFrom) else []
                modules = {f"{target}.{each}" for each in names if is_module(f"{target}.{each}")} or {target}
                found[own] |= {folder(each) for each in modules} - {own}
    return found


def is_module(dotted: str) -> bool:
    path = ROOT.joinpath(*dotted.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def circles(graph: dict[str, set[str]]) -> set[tuple[str, str]]:
    """Imports of one folder by another that lead back to where they began."""

    def reached(start: str) -> set[str]:
        seen, rest = set[str](), [start]
        while rest:
            for after in graph.get(rest.pop(), set()) - seen:
                seen.add(after)
                rest.append(after)
        return seen

    return {(one, other) for one, others in graph.items() for other in others if one in reached(other)}


def test_no_folder_imports_in_a_circle() -> None:
    graph = folders_imported()
    assert graph["device.live"] >= {"device.live.sources", "device.live.outputs"}, "nothing is seen"
    assert circles(graph) == set()


def test_a_circle_is_seen() -> None:
    graph = {"a": {"b", "d"}, "b": {"c"}, "c": {"a"}, "d": set[str]()}
    assert circles(graph) == {("a", "b"), ("b", "c"), ("c", "a")}
