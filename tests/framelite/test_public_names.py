"""What may be imported of the packages, and what importing costs: nothing, until a name is asked for."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import framelite
from tests.conftest import ROOT, environment
from tests.test_boundaries import ON_A_BOARD, loaded

PACKAGES = ("framelite", "device", "train", "export", "benchmarks")


def classes() -> Counter[str]:
    """The public classes of the packages, by name; those of the type checker's alone are none."""
    found: Counter[str] = Counter()
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found.update(node.name for node in tree.body if isinstance(node, ast.ClassDef) and node.name[0] != "_")
    return found


def test_no_public_class_name_is_there_twice() -> None:
    twice = {name for name, count in classes().items() if count > 1}
    assert twice == set(), "one idea a word: give one of them another name"


@pytest.mark.parametrize("package", PACKAGES)
def test_what_all_names_is_there_and_described(package: str) -> None:
    module = importlib.import_module(package)
    names = getattr(module, "__all__", [])
    assert len(set(names)) == len(names) and set(names) <= set(dir(module))
    for name in names:
        public = getattr(module, name)
        assert public.__name__ == name and public.__doc__, f"{package}.{name}"
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        module.nothing  # noqa: B018


def test_type_checkers_see_what_is_loaded() -> None:
    """The names that they import are the names that there are, of the same places."""
    for package in ("framelite", "device", "export", "train"):
        tree = ast.parse((ROOT / package / "__init__.py").read_text())
        (block,) = (node for node in tree.body if isinstance(node, ast.If))
        imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
        seen = {alias.asname: (str(node.module), alias.name) for node in imports for alias in node.names}
        module = importlib.import_module(package)
        assert set(seen) == set(module.__all__)
        for name, (home, there) in seen.items():
            assert name and getattr(importlib.import_module(home), there) is getattr(module, name)


def test_the_front_door_imports_the_standard_library_alone() -> None:
    assert loaded("framelite") == {"framelite"}
    assert loaded("framelite.__main__") == {"framelite", "device"}
    assert loaded("export") == {"export"}


@pytest.mark.long
def test_a_name_brings_its_own_package_alone() -> None:
    """With what a board has, also where that is all there is."""
    names = "Classifier, Overrides, ImageError, Prediction, UserError, watch"
    for python in (sys.executable, environment("tflite-runtime")):
        assert taken(names, python) == {*ON_A_BOARD, "framelite"}
    assert taken("train, Run", sys.executable).isdisjoint({"tensorflow", "keras", "export", "benchmarks"})
    assert taken("export", sys.executable).isdisjoint({"tensorflow", "keras", "train", "benchmarks"})


def taken(names: str, python: Path | str) -> set[str]:
    """The packages that came into memory when a fresh process imported these from the front door."""
    code = f"import sys; before = set(sys.modules)\nfrom framelite import {names}\nprint(*set(sys.modules) - before)"
    done = subprocess.run([python, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    packages = {name.partition(".")[0] for name in done.stdout.split()} - set(sys.stdlib_module_names)
    return {name for name in packages if "cython" not in name}


def test_arguments_of_public_functions_are_described() -> None:
    for name in framelite.__all__:
        public = getattr(framelite, name)
        if inspect.isfunction(public):
            heads = re.findall(r"^ +(\w+(?:, \w+)*): ", inspect.getdoc(public) or "", re.MULTILINE)
            described = {argument for head in heads for argument in head.split(", ")}
            assert set(inspect.signature(public).parameters) <= described, name
