"""`device doctor` on Python and its packages: which can be imported here, and which don't fit together.

Imports each in a process of its own, because an unsuitable wheel may crash it. This module itself needs neither numpy
nor OpenCV, so that it works where they are missing.
"""

import importlib.metadata
import importlib.util
import json
import os
import platform
import signal
import struct
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from device.doctor import hardware
from device.doctor.findings import Finding
from device.host.system import HERE
from device.inference.runtime import RUNTIMES

PATIENCE_S = 120  # TensorFlow on a small board
# What the wheels in requirements/*.txt need: the newest glibc that one of them requires, and the Pythons.
GLIBC, PYTHONS = (2, 28), ((3, 11), (3, 13))
# Subjects that every model needs.
NEEDED = ("numpy", "OpenCV", "runtime")
REQUIREMENTS = "pip install -r requirements/device.txt"
OPENCVS = ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")
# Where Debian installs packages; an environment sees them with --system-site-packages.
DEBIAN = "usr/lib/python3/dist-packages"
DEBIAN_ADVICE = "make the environment with: /usr/bin/python3 -m venv --system-site-packages .venv"

PROBE = """
import base64, importlib, json
try:
    {code}
except Exception as error:
    while error.__cause__ is not None:
        error = error.__cause__
    found = {{"error": type(error).__name__ + ": " + " ".join(str(error).split())[:160]}}
print(json.dumps(found))
"""
NUMPY = 'import numpy; found = {"version": numpy.__version__}'
CV2 = """import cv2
    has = getattr(getattr(cv2, "videoio_registry", None), "hasBackend", lambda backend: False)
    video = [name for name in ("V4L2", "FFMPEG", "GSTREAMER") if has(getattr(cv2, "CAP_" + name))]
    found = {"version": cv2.__version__, "windows": cv2.currentUIFramework(), "video": video}"""
# A .tflite file without operators: with a wrong numpy, a runtime fails only when it loads a file.
EMPTY_MODEL = (
    "GAAAAFRGTDMAAA4AFAAQAAwACAAAAAQADgAAABAAAAAcAAAAUAAAAAMAAAABAAAACAAAAAQABAAEAAAAAQAAABAAAAAMABQAEAAMAAgABAAMAAAAEAAA"
    "ABAAAAAQAAAAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)
RUNTIME = """interpreter = importlib.import_module({!r}).Interpreter
    interpreter(model_content=base64.b64decode({!r})).allocate_tensors()
    found = {{}}"""
PICAMERA2 = "import picamera2; found = {}"


@dataclass(frozen=True)
class Probe:
    """The result of importing a package: what the code found, or why the package can't be used."""

    found: dict[str, Any]
    error: str | None = None


def probe(code: str) -> Probe:
    """Runs code that sets `found`, in a fresh Python; its lines are indented by four."""
    program = [sys.executable, "-c", PROBE.format(code=code)]
    try:
        done = subprocess.run(program, capture_output=True, text=True, errors="replace", timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        return Probe({}, f"not imported within {PATIENCE_S} s")
    if done.returncode < 0:
        return Probe({}, f"importing it ends Python ({signal.Signals(-done.returncode).name})")
    if done.returncode:
        return Probe({}, " ".join(done.stderr.splitlines()[-1:]) or f"importing it ends Python ({done.returncode})")
    found = json.loads(done.stdout.splitlines()[-1])
    return Probe(found, found.get("error"))


def installed(distributions: Sequence[str]) -> dict[str, str]:
    """The installed ones of these distributions, with their versions."""
    found = {}
    for distribution in distributions:
        try:
            found[distribution] = importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def findings(root: Path = HERE) -> list[Finding]:
    """Python, numpy, OpenCV, the runtimes, and picamera2 where it may be needed."""
    numpy = probe(NUMPY)
    return [_python(), _numpy(numpy), *opencv(probe(CV2)), *_runtimes(numpy), *picamera2(root)]


def _python() -> Finding:
    version, (libc, release) = sys.version_info[:2], platform.libc_ver()
    found = f"{platform.python_version()}, {libc or 'no glibc'} {release}".rstrip()
    if not PYTHONS[0] <= version <= PYTHONS[1]:
        first, last = (".".join(map(str, end)) for end in PYTHONS)
        return Finding("note", "Python", found, f"the wheels are for Python {first} to {last}: use one of these")
    if libc != "glibc" or tuple(map(int, release.split(".")[:2])) < GLIBC:
        return Finding("note", "Python", found, "the wheels need glibc 2.28 or newer (Debian 11 has it, Alpine hasn't)")
    return Finding("ok", "Python", found)


def _numpy(numpy: Probe) -> Finding:
    if numpy.error:
        return Finding("problem", "numpy", numpy.error, REQUIREMENTS)
    return Finding("ok", "numpy", str(numpy.found["version"]))


def opencv(cv2: Probe) -> list[Finding]:
    """OpenCV and what it can do; several of its packages overwrite each other's files."""
    several = installed(OPENCVS)
    found = []
    if len(several) > 1:
        advice = f"pip uninstall {' '.join(several)}, then {REQUIREMENTS}"
        found.append(Finding("note", "OpenCV", f"{' and '.join(several)} share the folder cv2: keep one", advice))
    if cv2.error:
        windows = "; opencv-python needs Debian's libgl1 libglib2.0-0" if "lib" in cv2.error else ""
        return [*found, Finding("problem", "OpenCV", cv2.error, REQUIREMENTS + windows)]
    windows, video = cv2.found["windows"], cv2.found["video"]
    state = f"{cv2.found['version']}, windows: {windows or 'none'}, video: {', '.join(video) or 'none'}"
    if "V4L2" not in video and sys.platform == "linux":
        return [*found, Finding("note", "OpenCV", state, f"no V4L2: it opens no USB camera; {REQUIREMENTS}")]
    if not windows and (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        advice = f"for a window: pip uninstall {' '.join(several)}, then pip install '.[window]'"
        return [*found, Finding("note", "OpenCV", state, advice)]
    return [*found, Finding("ok", "OpenCV", state)]


def _runtimes(numpy: Probe) -> list[Finding]:
    """Every installed runtime; TensorFlow, which is slow to load, is tried only if there is no other."""
    found: list[Finding] = []
    for name, (module, distributions) in RUNTIMES.items():
        if importlib.util.find_spec(module.partition(".")[0]) is None:
            continue
        named = f"{name} {' '.join(installed(distributions).values())}".rstrip()
        if name == "tensorflow" and any(finding.level == "ok" for finding in found):
            found.append(Finding("ok", "runtime", f"{named}: also installed, not tried"))
            continue
        error = probe(RUNTIME.format(module, EMPTY_MODEL)).error
        if error is None:
            found.append(Finding("ok", "runtime", named))
        else:
            found.append(Finding("note", "runtime", f"{named}: {error}", _advice(name, numpy)))
    if not any(finding.level == "ok" for finding in found):
        found.append(Finding("problem", "runtime", "no working TFLite interpreter", _advice(None, numpy)))
    return found


def _advice(runtime: str | None, numpy: Probe) -> str:
    """Which wheel to install: tflite-runtime is built for numpy 1, and is the only one for 32 bits."""
    if runtime == "tflite-runtime" and int(numpy.found.get("version", "1").partition(".")[0]) >= 2:
        return (
            f"it is built for numpy 1, but this is numpy {numpy.found['version']}: pip install 'numpy<2'"
            " 'opencv-python-headless<4.12', or use LiteRT"
        )
    if struct.calcsize("P") == 4:
        return "on 32 bits, with Python 3.11: pip install -r requirements/tflite-runtime.txt"
    return REQUIREMENTS


def picamera2(root: Path) -> list[Finding]:
    """Only on a Raspberry Pi, or if the package is installed. root: where to look for Debian's packages."""
    outside = (root / DEBIAN / "picamera2").is_dir()
    if importlib.util.find_spec("picamera2") is not None:
        error = probe(PICAMERA2).error
        if error is None:
            return [Finding("ok", "picamera2", "can be imported")]
        # Debian's modules are compiled for Debian's numpy.
        theirs = "pip uninstall numpy, so that Debian's python3-numpy is used" if "numpy" in error else DEBIAN_ADVICE
        return [Finding("note", "picamera2", error, f"for a Raspberry Pi's own camera: {theirs}")]
    if outside:
        return [Finding("note", "picamera2", "installed, but not in this environment", DEBIAN_ADVICE)]
    if hardware.is_raspberry_pi(root):
        advice = f"for its own camera: sudo apt install python3-picamera2; {DEBIAN_ADVICE}"
        return [Finding("note", "picamera2", "not installed", advice)]
    return []
