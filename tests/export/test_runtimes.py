"""Variants in tflite-runtime beside LiteRT: what is recorded of each, and what `--for` doesn't keep."""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from ai_edge_litert.tools import flatbuffer_utils
from litert_quantizer import quantizer, recipe

from device.errors import UserError
from device.evaluation import exports, runtimes
from device.evaluation.runtimes import RuntimeResult
from device.inference.classifier import Classifier
from device.inference.golden import record
from device.inference.runtime import find
from device.model import card as cards
from device.model.variants import BY_NAME, DEFAULT
from export.card import metadata
from export.conversion import quantize
from export.runtimes import trials
from export.runtimes.environments import VARIABLE
from export.runtimes.process import TrialProcess
from tests import foreign
from tests.conftest import Run, environment, model
from tests.exported import Exported

pytestmark = pytest.mark.programs

LITERT = find("litert").version


@pytest.fixture
def python(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The environment with tflite-runtime, which export is told of."""
    found = environment("tflite-runtime")
    monkeypatch.setenv(VARIABLE, str(found))
    return found


def tried(path: Path, data: bytes) -> trials.TriedFile:
    with trials.begun(None) as begun:
        found = begun.tried(path, data)
    assert found is not None
    return found


@pytest.mark.parametrize("variant", DEFAULT)
def test_both_runtimes_give_the_golden_scores(python: Path, variant: str, tmp_path: Path) -> None:
    data = model(variant).read_bytes()
    found = tried(tmp_path / "tried.tflite", data)
    ours, theirs = found.results
    assert (ours.name, theirs.name) == (f"litert {LITERT}", "tflite-runtime 2.14.0")
    assert found.failures == ()
    assert ours.latency_ratio == 1
    for result in found.results:
        assert result.score_error is not None and result.score_error <= BY_NAME[variant].tolerance
        assert result.latency_ms is not None and result.latency_ms > 0
    (tmp_path / "with.tflite").write_bytes(found.data)
    before, after = cards.read(model(variant)), cards.read(tmp_path / "with.tflite")
    assert before is not None and after is not None and after.provenance is not None
    assert after.provenance["runtimes"] == {"litert": LITERT, "tflite-runtime": "2.14.0"}
    assert replace(after, provenance=before.provenance) == before
    assert cards.network_bytes(tmp_path / "with.tflite") == cards.network_bytes(model(variant))
    assert cards.read_archive(tmp_path / "with.tflite").keys() == cards.read_archive(model(variant)).keys()


def with_golden_images(bare: bytes, variant: str, folder: Path) -> bytes:
    """A network of the shapes model as export would write it, its scores recorded in LiteRT."""
    card, archive = cards.read(model(variant)), cards.read_archive(model(variant))
    assert card is not None
    images = {entry.image: archive[entry.image] for entry in card.golden}
    path = folder / "recorded.tflite"
    path.write_bytes(cards.append_archive(metadata.embed(bare, card), card, images))
    golden = record(Classifier(path), images, BY_NAME[variant].tolerance)
    return cards.append_archive(metadata.embed(bare, card), replace(card, golden=golden), images)


def test_scores_by_chance_are_seen(python: Path, tmp_path: Path) -> None:
    """A scale a channel in a dense layer: tflite-runtime 2.14 loads it and computes something else."""
    engine = quantizer.Quantizer(foreign.large())
    engine.load_quantization_recipe(recipe.dynamic_wi8_afp32())
    with quantize.quiet():
        bare = bytes(engine.quantize(enable_progress_bar=False).quantized_model)
    found = tried(tmp_path / "tried.tflite", with_golden_images(bare, "dynamic", tmp_path))
    (failure,) = found.failures
    assert found.results[0].failure is None and found.results[1].failure == failure
    assert failure.startswith("tflite-runtime 2.14.0 ") and "scores" in failure
    assert runtimes.cell(found.results[1]) == "no"
    (tmp_path / "with.tflite").write_bytes(found.data)
    card = cards.read(tmp_path / "with.tflite")
    assert card is not None and card.provenance is not None and card.provenance["runtimes"] == {"litert": LITERT}


def newer() -> bytes:
    """The shapes float32 network with a dense operator of a version that tflite-runtime 2.14 doesn't know."""
    tree = flatbuffer_utils.read_model_from_bytearray(bytearray(foreign.bare()))
    (code,) = (code for code in tree.operatorCodes if code.builtinCode == 9)  # FULLY_CONNECTED
    code.version = 12
    return bytes(flatbuffer_utils.convert_object_to_bytearray(tree))


def words(exported: Exported, folder: Path, *more: object) -> list[object]:
    return [*exported.words(folder / "run"), "--variants", "float32,int8", *more]


def test_the_table_and_export_json(python: Path, command: Run, exported: Exported, tmp_path: Path) -> None:
    done = command(*words(exported, tmp_path))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    (header,) = (place for place, line in enumerate(lines) if line.endswith("  tflite-runtime 2.14.0"))
    made = exports.read(tmp_path / "run/export")
    for row, line in zip(made.variants, lines[header + 2 :], strict=False):
        assert row.runtimes is not None and row.failures == ()
        assert [result.runtime for result in row.runtimes] == ["litert", "tflite-runtime"]
        assert line.endswith(f"agrees, {row.runtimes[1].latency_ratio:.2f} x")
        card = cards.read(tmp_path / "run/export" / str(row.file))
        assert card is not None and card.provenance is not None
        assert card.provenance["runtimes"]["tflite-runtime"] == "2.14.0"


@pytest.mark.parametrize("is_needed", [False, True])
def test_a_file_that_it_cannot_load(
    python: Path, command: Run, exported: Exported, tmp_path: Path, is_needed: bool
) -> None:
    """It is kept with a note, but not where `--for` asks for files that run there."""
    (tmp_path / "newer.tflite").write_bytes(newer())
    given = replace(exported, model=tmp_path / "newer.tflite")
    option = ("--for", "tflite-runtime") if is_needed else ()
    done = command(*words(given, tmp_path, "--variants", "float32", *option))
    (row,) = exports.read(tmp_path / "run/export").variants
    assert row.runtimes is not None and row.runtimes[0].failure is None
    reason = str(row.runtimes[1].failure)
    assert reason.startswith("tflite-runtime 2.14.0 ") and "load" in reason and "version '12'" in reason
    assert done.returncode == (1 if is_needed else 0), done.stderr
    assert row.failures == ((reason,) if is_needed else ())
    assert (row.file is None) == is_needed
    assert (tmp_path / "run/export/newer_float32.tflite").exists() != is_needed
    said = "float32: not kept: " if is_needed else "note: float32: "
    assert f"{said}{reason}" in done.stderr.splitlines()


def test_for_is_part_of_what_decides(python: Path, exported: Exported, tmp_path: Path, command: Run) -> None:
    done = command(*words(exported, tmp_path, "--variants", "float32", "--for", "tflite-runtime"))
    assert done.returncode == 0, done.stderr
    assert exports.read(tmp_path / "run/export").inputs.runtime == "tflite-runtime"
    assert exports.read(exported.run / "export").inputs.runtime is None


def test_without_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(VARIABLE, "")
    with trials.begun(None) as begun:
        assert begun.tried(tmp_path / "tried.tflite", b"") is None
    with pytest.raises(UserError, match=r"environment .*tflite-runtime"), trials.begun("tflite-runtime"):
        pass
    monkeypatch.setenv(VARIABLE, str(tmp_path / "python"))
    with pytest.raises(UserError, match=rf"{VARIABLE} names {tmp_path}/python"), trials.begun(None):
        pass


def test_an_environment_without_the_runtime(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, sys.executable)
    with trials.begun(None) as begun:
        assert begun.tried(tmp_path / "tried.tflite", b"") is None
    assert ": tflite-runtime" in capsys.readouterr().err
    with pytest.raises(UserError, match="tflite-runtime"), trials.begun("tflite-runtime"):
        pass


def test_a_program_that_is_no_python() -> None:
    with pytest.raises(UserError, match="Python of"):
        TrialProcess(Path("/bin/echo"), "tflite-runtime")


def test_a_process_that_is_ended_begins_anew(tmp_path: Path) -> None:
    with TrialProcess(Path(sys.executable), "litert") as process:
        os.kill(process.pid, signal.SIGKILL)
        assert process.load(model("int8")) is None
        assert process.begin_anew() == "ends its process (SIGKILL)"
        answer = process.load(model("int8"))
        assert answer is not None and answer.failure is None
        assert process.median_s(0.001) > 0


def test_what_tables_say() -> None:
    ours = RuntimeResult("litert", "2.3.0", None, 0.0, 0.1, 1.0)
    theirs = RuntimeResult("tflite-runtime", "2.14.0", None, 0.01, 0.4, 4.0)
    failed = RuntimeResult("tflite-runtime", "2.14.0", "can't load it")
    rows = [(ours, theirs), (ours, failed), None]
    assert runtimes.columns(rows) == {"tflite-runtime 2.14.0": ["agrees, 4.00 x", "no", "-"]}
    assert runtimes.columns([None, (ours,)]) == {}
