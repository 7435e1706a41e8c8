"""`device doctor`: packages that fit and don't, and how findings are shown. On a model: test_doctor_model.py."""

import json
import subprocess
import sys
from pathlib import Path

import numpy
import pytest

from device.doctor import doctor, findings, packages
from device.doctor.doctor import DoctorRequest
from device.doctor.findings import Finding
from tests.conftest import ROOT, Run, environment, model
from tests.device import crafted, machines
from tests.device.refusals import refusal

pytestmark = pytest.mark.programs


def results(done: "subprocess.CompletedProcess[str]") -> list[Finding]:
    """What a command with `--json -` found, after its exit code was compared with it."""
    assert done.stderr == "" and done.returncode in (0, 1)
    document = json.loads(done.stdout)
    assert set(document) == {"schema", "machine", "results"} and document["machine"]["cores"] >= 1
    found = [Finding(**result) for result in document["results"]]
    assert done.returncode == any(finding.level == "problem" for finding in found)
    return found


def of(subject: str, found: list[Finding]) -> list[Finding]:
    return [finding for finding in found if finding.subject == subject]


# The command.


def test_a_table_for_a_person(command: Run) -> None:
    done = command("device", "doctor", model("int8"))
    assert done.stderr == "" and done.returncode in (0, 1)
    lines = done.stdout.splitlines()
    subjects = [line[9:].split("  ")[0] for line in lines[:-1] if line[:1] != " "]
    assert subjects[:3] == ["Python", "numpy", "OpenCV"]
    assert subjects[-4:] == ["model", "operators", "latency", "to float32"]
    assert {"runtime", "machine", "processor", "cores", "camera"} < set(subjects)
    assert all(line.split()[0] in ("ok", "note", "problem", "->") for line in lines[:-1])
    assert sys.version.split()[0] in lines[0]
    assert "problem" in lines[-1] and "note" in lines[-1]


def test_lines_and_their_sum() -> None:
    problem = Finding("problem", "b", "bad")
    found = [Finding("ok", "a", "good"), Finding("note", "long one", "so so", "do this"), problem]
    assert findings.lines(found) == [
        "ok       a         good",
        "note     long one  so so",
        "                   -> do this",
        "problem  b         bad",
        "1 problem, 1 note",
    ]
    assert findings.lines([])[-1] == "no problems, no notes"


def test_for_a_script_with_tflite_runtime(command: Run) -> None:
    """Its XNNPACK takes no int8: the operators that are left are said, and the latency against float32 is measured."""
    python = environment("tflite-runtime")
    found = results(command("device", "doctor", model("int8"), "--json", "-", python=python))
    (runtime_,) = of("runtime", found)
    assert runtime_.level == "ok" and runtime_.found.startswith("tflite-runtime 2.")
    (operators,) = of("operators", found)
    assert operators.level == "note" and operators.found == "0 parts on XNNPACK; not: CONV_2D x3, FULLY_CONNECTED"
    assert "LiteRT runs these on XNNPACK" in (operators.advice or "")
    (against,) = of("to float32", found)
    assert against.found.split(" of the float32 file's latency")[0].replace(".", "").isdigit()
    if against.level == "problem":  # by the clock of the machine
        assert "tflite-runtime does not run int8 operators on XNNPACK" in against.found


def test_a_model_that_is_not_there(command: Run) -> None:
    assert refusal(command("device", "doctor", "none.tflite")) == (
        "none.tflite: there is no such model file, expected a .tflite file; check the path"
    )


def test_a_model_that_is_broken_is_a_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = crafted.write(tmp_path / "cut.tflite", model("int8").read_bytes()[:9000])
    assert doctor.run(DoctorRequest(path, None, None)) == 1
    said = capsys.readouterr()
    assert f"problem  model      {path}: the .tflite file is truncated or damaged" in said.out and said.err == ""


def test_nothing_heavy_is_loaded_before_it_is_known_to_be_there() -> None:
    code = "import sys, device.doctor; print(*{'numpy', 'cv2', 'ai_edge_litert'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


# Packages.


def test_a_python_without_any_package(command: Run, tmp_path: Path) -> None:
    """A fresh environment: doctor itself runs, and says what to install."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "empty")], check=True)
    done = command("device", "doctor", model("int8"), "--json", "-", python=tmp_path / "empty/bin/python")
    found = results(done)
    assert done.returncode == 1
    for subject, module in (("numpy", "numpy"), ("OpenCV", "cv2")):
        (finding,) = of(subject, found)
        assert (finding.level, finding.found) == ("problem", f"ModuleNotFoundError: No module named '{module}'")
        assert finding.advice == "pip install -r requirements/device.txt"
    (missing,) = of("runtime", found)
    assert (missing.level, missing.found) == ("problem", "no working TFLite interpreter")
    assert of("model", found) == [doctor.NOT_CHECKED]


def test_numpy_2_under_tflite_runtime(command: Run, tmp_path: Path) -> None:
    """The real wheel, which was built for numpy 1, under the numpy of this environment, as after an upgrade."""
    python = environment("tflite-runtime")
    if not (python.parents[1] / f"lib/python3.{sys.version_info.minor}").exists():
        pytest.skip("its environment has another Python than this one")
    for name in ("numpy", "numpy.libs"):
        (tmp_path / name).symlink_to(Path(numpy.__file__).parents[1] / name)
    words = ("device", "doctor", model("int8"), "--json", "-")
    found = results(command(*words, python=python, PYTHONPATH=f"{ROOT}:{tmp_path}"))
    clash, nothing = of("runtime", found)
    assert clash.level == "note" and clash.found.startswith("tflite-runtime 2.14.0: ImportError: numpy.core.multiarray")
    assert clash.advice is not None and clash.advice.startswith(
        f"it is built for numpy 1, but this is numpy {numpy.__version__}"
    )
    assert "pip install 'numpy<2' 'opencv-python-headless<4.12'" in clash.advice
    assert (nothing.level, nothing.found) == ("problem", "no working TFLite interpreter")
    assert of("model", found) == [doctor.NOT_CHECKED]


def package(folder: Path, name: str, code: str) -> None:
    """A package whose import does that: wheels of another processor or system can't be installed here."""
    path = folder / name / "__init__.py"
    path.parent.mkdir(parents=True)
    path.write_text(code)
    (path.parent / "interpreter.py").write_text("")


def test_wheels_for_another_machine(command: Run, tmp_path: Path) -> None:
    """One that ends the process, as on a processor without its instructions, an OpenCV without its libraries, and
    Debian's picamera2 beside a numpy that it wasn't compiled for.
    """
    package(tmp_path / "wheels", "ai_edge_litert", "import os, signal\nos.kill(os.getpid(), signal.SIGILL)\n")
    reason = "libGL.so.1: cannot open shared object file: No such file or directory"
    package(tmp_path / "wheels", "cv2", f"raise ImportError({reason!r})\n")
    package(tmp_path / "wheels", "tensorflow", "raise ImportError('built for AVX')\n")
    size = "numpy.dtype size changed, may indicate binary incompatibility. Expected 96 from C header, got 88"
    package(tmp_path / "wheels", "picamera2", f"raise ValueError({size!r})\n")
    found = results(command("device", "doctor", "--json", "-", PYTHONPATH=f"{ROOT}:{tmp_path / 'wheels'}"))
    litert, tensorflow, nothing = of("runtime", found)[0], *of("runtime", found)[-2:]
    assert litert.level == "note" and litert.found.endswith(": importing it ends Python (SIGILL)")
    assert tensorflow.found.endswith(": ImportError: built for AVX") and nothing.level == "problem"
    (opencv,) = of("OpenCV", found)
    assert (opencv.level, opencv.found) == ("problem", f"ImportError: {reason}")
    assert opencv.advice == "pip install -r requirements/device.txt; opencv-python needs Debian's libgl1 libglib2.0-0"
    (picamera2,) = of("picamera2", found)
    assert picamera2.found == f"ValueError: {size}" and "pip uninstall numpy" in (picamera2.advice or "")


def test_what_this_opencv_can_do() -> None:
    answer = packages.probe(packages.CV2).found
    assert {"V4L2", "FFMPEG"} <= set(answer["video"]) and answer["version"][0] in "45"


def test_a_probe_that_fails() -> None:
    assert packages.probe("found = {'version': '1'}").error is None
    assert packages.probe("raise ValueError('one\\n  two')").error == "ValueError: one two"
    assert packages.probe("raise SystemExit(3)").error == "importing it ends Python (3)"
    assert packages.probe("import os; os.abort()").error == "importing it ends Python (SIGABRT)"


def test_windows_are_missed_on_a_desktop_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """An OpenCV without windows, by what it answers; the one of the environment may have them."""
    headless = packages.Probe({"version": "5.0.0", "windows": "", "video": ["V4L2"]})
    for variable in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(variable, raising=False)
    assert packages.opencv(headless)[-1].level == "ok"
    monkeypatch.setenv("DISPLAY", ":0")
    assert packages.opencv(headless)[-1].level == "note"
    assert "pip install '.[window]'" in (packages.opencv(headless)[-1].advice or "")


def test_picamera2_where_there_may_be_one(tmp_path: Path) -> None:
    """This environment has none: it is Debian's, and on a Raspberry Pi alone it is missed."""
    if packages.probe(packages.PICAMERA2).error is None:
        pytest.skip("picamera2 is here")
    assert packages.picamera2(machines.laptop(tmp_path / "laptop")) == []
    pi = machines.raspberry_pi_5(tmp_path / "pi")
    (missing,) = packages.picamera2(pi)
    assert missing.found == "not installed" and "sudo apt install python3-picamera2" in (missing.advice or "")
    (pi / "usr/lib/python3/dist-packages/picamera2").mkdir(parents=True)
    (outside,) = packages.picamera2(pi)
    assert (outside.level, outside.found) == ("note", "installed, but not in this environment")
    assert outside.advice == "make the environment with: /usr/bin/python3 -m venv --system-site-packages .venv"
