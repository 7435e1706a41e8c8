"""Who may import what: device stays light, the packages don't reach into each other, one place decodes pictures."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGES = ("device", "train", "export", "benchmarks")
HEAVY = {"tensorflow", "keras", "matplotlib", "PIL", "sklearn", "scipy", "litert_quantizer", "jax"}
# What device may bring in besides the standard library: its three packages, and what LiteRT itself imports.
DEVICE_ALLOWED = {
    "device", "numpy", "cv2", "ai_edge_litert", "flatbuffers", "google", "ml_dtypes", "tqdm", "typing_extensions",
    "backports", "_distutils_hack", "mypy_extensions", "__mp_main__", "sitecustomize", "usercustomize",
}  # fmt: skip


def modules(package: str) -> list[str]:
    return sorted(f"{package}.{path.stem}" for path in (ROOT / package).glob("*.py") if not path.stem.startswith("__"))


def imported_by(statements: str) -> set[str]:
    """Top-level names of every module that a fresh process holds after the statements."""
    program = (
        f"{statements}\nimport json, sys\nprint(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def imports(path: Path) -> Iterator[str]:
    """The top-level names that a file imports anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def test_importing_device_imports_nothing_but_the_standard_library() -> None:
    brought = imported_by("import device") - imported_by("")
    assert brought - set(sys.stdlib_module_names) == {"device"}


def test_the_whole_of_device_is_light() -> None:
    lines = [f"import {name}" for name in modules("device")] + ["from device import runtime; runtime.find('litert')"]
    brought = imported_by("\n".join(lines)) - imported_by("")
    foreign = {name for name in brought - set(sys.stdlib_module_names) if not name.startswith("_")}
    assert foreign <= DEVICE_ALLOWED, f"device brings in {foreign - DEVICE_ALLOWED}"
    assert not foreign & HEAVY


@pytest.mark.parametrize("package", ["benchmarks", "export"])
def test_no_tensorflow_where_it_is_not_needed(package: str) -> None:
    brought = imported_by("\n".join(f"import {name}" for name in modules(package)))
    assert not brought & {"tensorflow", "keras", "jax"}


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_meet_in_files_only(package: str) -> None:
    others = set(PACKAGES) - {package, "device"} if package != "device" else set(PACKAGES) - {"device"}
    for path in (ROOT / package).glob("*.py"):
        assert not set(imports(path)) & others, f"{path.name} imports {set(imports(path)) & others}"


def test_tensorflow_is_imported_by_train_and_the_converter_alone() -> None:
    for package in ("device", "benchmarks", "export"):
        for path in (ROOT / package).glob("*.py"):
            if path != ROOT / "export/convert.py":
                assert not set(imports(path)) & {"tensorflow", "keras"}, f"{path} imports TensorFlow"


def test_one_place_decodes_and_resizes() -> None:
    calls = {"imread", "imdecode", "resize"}
    for package in PACKAGES:
        for path in (ROOT / package).glob("*.py"):
            if path == ROOT / "device/pictures.py":
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "cv2":
                    assert node.attr not in calls, f"{path}: cv2.{node.attr} belongs into device/pictures.py"


def test_the_boundary_tests_can_fail() -> None:
    assert {"numpy", "cv2"} <= imported_by("import device.pictures")
    assert "tensorflow" in set(imports(ROOT / "export/convert.py"))
