"""Keras 2, for the files that Keras 3 can't read: tf-keras (https://pypi.org/project/tf-keras), put into the cache.

It is a small package that runs on the TensorFlow that is here, so nothing else is installed, and nothing where export
itself is.
"""

import os
import subprocess
import sys
import tempfile
from importlib import metadata, util
from pathlib import Path

from device import command
from device.data import folders
from device.errors import UserError

# Set to anything: nothing is installed.
REFUSED = "FRAMELITE_NO_INSTALL"
# TensorFlow's own switch: what converts a model then knows tf-keras' as its own.
SWITCH = {"TF_USE_LEGACY_KERAS": "1"}


def environment(model: Path) -> dict[str, str]:
    """What a process that reads the model needs beside what it has; PYTHONPATH is to be put before its own."""
    if util.find_spec("tf_keras"):
        return SWITCH
    version = _version_of_tensorflow()
    folder = folders.cache_root() / f"tf-keras-{version}"
    if not folder.is_dir():
        _install(model, version, folder)
    return {**SWITCH, "PYTHONPATH": str(folder)}


def is_asked_for() -> bool:
    """Of this process: whether it has that environment."""
    return SWITCH.items() <= os.environ.items()


def _version_of_tensorflow() -> str:
    """'2.21': tf-keras has the same. The distribution may be tensorflow-cpu, or another."""
    distribution = metadata.packages_distributions()["tensorflow"][0]
    return ".".join(metadata.version(distribution).split(".")[:2])


def _install(model: Path, version: str, folder: Path) -> None:
    """Whole or not at all: pip writes beside the folder."""
    package = f"tf-keras=={version}.*"
    instead = f"install it yourself (pip install '{package}'), or give the model as a SavedModel or a float .tflite"
    if os.environ.get(REFUSED):
        raise UserError(f"{model}: a file of Keras 2 that Keras 3 can't read; {REFUSED} keeps tf-keras out; {instead}")
    command.say(f"note: {model}: a file of Keras 2; installing {package} into {folder} ({REFUSED}=1 refuses that) …")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".tf-keras-", dir=folder.parent) as name:
        words = ["install", "--quiet", "--no-input", "--no-deps", "--target", str(Path(name) / "packages"), package]
        pip = [sys.executable, "-m", "pip", *words]
        done = subprocess.run(pip, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            raise UserError(
                f"{model}: {package}, which reads files of Keras 2, can't be installed: {reason}; {instead}"
            )
        try:
            (Path(name) / "packages").rename(folder)
        except OSError:
            if not folder.is_dir():  # else another export was faster
                raise
