"""MODEL_CARD.md: figures of the records beside it, written anew by each export; what the owner wrote stays."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.documents import results
from benchmarks.documents.rows import LatencyRow
from device import records, text
from device.evaluation import cost_table, exports
from device.evaluation.runtimes import RuntimeResult
from device.model.variants import DEFAULT
from export.cost import limit
from export.model_card import blocks, evaluation, facts, page
from tests import drawing
from tests.export.test_exporting import again
from tests.exported import Exported, with_rescue


@pytest.fixture
def copied(exported: Exported, tmp_path: Path) -> Path:
    return shutil.copytree(exported.run, tmp_path / "run") / "export"


def written(folder: Path) -> str:
    return (folder / page.NAME).read_text()


def known(folder: Path) -> facts.ModelFacts:
    found = facts.read(folder)
    assert found is not None
    return found


def test_each_figure_is_that_of_export_json(exported: Exported) -> None:
    words, made = written(exported.run / "export"), exports.read(exported.run / "export")
    rows = [line.split(" | ") for line in words.splitlines() if line.startswith("| ")]
    for row in made.variants:
        assert [f"| {row.variant}", f"`{row.file}`", f"{text.size(row.file_bytes)} |"] in rows
        (measured,) = (cells for cells in rows if cells[0] == f"| {row.variant}" and len(cells) == 6)
        assert row.drop is not None and row.drop_interval is not None and row.worst_label is not None
        assert measured[1] == text.accuracy(row.top1, row.interval, row.n)
        low, high = (f"{100 * end:.2f}" for end in row.drop_interval)
        assert measured[2] == f"{100 * row.drop:.2f} ({low} to {high})"
        assert measured[3].startswith(f"{row.worst_label.label} {text.percent(row.worst_label.top1)}")
        assert measured[4:] == [text.percent(row.agreement), f"{row.largest_error:.2g} |"]
    for fact in (", ".join(drawing.LABELS), "16x16", "60 images of the train part, drawn by seed 1"):
        assert fact in words
    assert "python -m device classify shape_model_int8.tflite IMAGE" in words.splitlines()


def test_the_first_lines_are_for_machines(exported: Exported) -> None:
    _, front, _ = written(exported.run / "export").split("---\n", 2)
    fields = dict(line.split(": ", 1) for line in front.splitlines() if not line.startswith("#"))
    assert json.loads(fields["metrics"]) == ["accuracy"] and json.loads(fields["datasets"]) == []
    assert {"image-classification", "tflite"} <= set(json.loads(fields["tags"]))
    assert fields["pipeline_tag"] == "image-classification"
    assert fields["license"].startswith("unknown")


def test_a_file_that_was_chosen_by_the_images_that_judge_it(copied: Path) -> None:
    """Of a run without test images; with them nothing is said."""
    rescue = with_rescue(copied.parent)
    for shares_images in (False, True):
        made = replace(exports.read(copied), rescue=replace(rescue, shares_images=shares_images))
        exports.write(copied, made)
        page.write(copied)
        said = [*cost_table.notes(made, copied.parent), str(*limit.of_export(made, 0.5)), written(copied)]
        assert [cost_table.SHARED in words for words in (" ".join(said[:-2]), *said[-2:])] == [shares_images] * 3
    assert json.loads((copied / exports.NAME).read_bytes())["rescue"]["shares_images"] is True


def test_what_the_owner_writes_stays(exported: Exported, copied: Path) -> None:
    path = copied / page.NAME
    mine = written(copied).replace("license: unknown", "license: apache-2.0").replace(page.OWNER, "For my door.", 1)
    path.write_text(mine)
    again(exported, copied.parent, again=True, variants="int8")
    now = written(copied)
    assert "license: apache-2.0" in now and "For my door." in now
    assert "shape_model_float16.tflite" in mine and "shape_model_float16.tflite" not in now
    assert [path.name for path in copied.glob(f"{page.NAME}*")] == [page.NAME]


def test_a_change_between_the_marks_is_kept_aside(
    exported: Exported, copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, before = copied / page.NAME, written(copied)
    mine = before.replace("## Limits", "I tested it at night, too.\n\n## Limits")
    path.write_text(mine)
    assert blocks.edited(before) == [] and blocks.edited(mine) == ["limits"]
    again(exported, copied.parent)
    assert written(copied) == before
    assert path.with_name(f"{page.NAME}.1").read_text() == mine
    assert "(limits)" in capsys.readouterr().err


def test_a_page_without_marks_and_a_part_that_was_taken_out(
    exported: Exported, copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, before = copied / page.NAME, written(copied)
    made = page.parts(known(copied))
    shorter = before.replace(blocks.marked("latency", made["latency"]), "")
    assert len(shorter) < len(before)
    for mine in (shorter, "# My own page\n"):
        path.write_text(mine)
        again(exported, copied.parent)
        assert written(copied) == mine
    assert "no part that export writes" in capsys.readouterr().err


def test_latency_is_added_once_it_was_measured(exported: Exported, copied: Path) -> None:
    assert "Not measured yet" in written(copied)
    made = exports.read(copied)
    rows = [
        LatencyRow(
            file=str(row.file),
            sha256=str(row.sha256),
            variant=row.variant,
            runtime="litert",
            runtime_version="2.3.0",
            threads=2,
            p50_ms=1.25 + i,
            p90_ms=2.5 + i,
        )
        for i, row in enumerate(made.variants)
    ]
    rows.append(replace(rows[0], sha256="0" * 64, p50_ms=99.5))
    document = results.of(rows)
    (copied.parent / "benchmark.json").write_text(json.dumps(document.to_json()))
    assert not again(exported, copied.parent).is_new
    words = written(copied)
    for i, variant in enumerate(DEFAULT):
        assert f"| {variant} | litert 2.3.0 | 2 | {1.25 + i:.2f} | {2.5 + i:.2f} |" in words
    assert "Not measured yet" not in words and "99.5" not in words
    assert str(document.date) in words and str(document.machine.system) in words.replace("\\", "")


def test_a_rescued_file_is_the_one_to_use(copied: Path) -> None:
    rescue = with_rescue(copied.parent)
    found = known(copied)
    assert [each.name for each in found.files] == [*DEFAULT, "int8, rescued"]
    assert found.main.file == rescue.file
    assert f"python -m device classify {rescue.file} IMAGE" in page.parts(found)["use"]


def test_what_is_not_known_is_said(copied: Path) -> None:
    """Without labels there is no accuracy; with other runtimes tried there is a table of them."""
    made = exports.read(copied)
    bare = replace(made.variants[-1], top1=None, interval=None, drop=None, worst_label=None, per_class=None)
    exports.write(copied, replace(made, variants=(bare,)))
    found = known(copied)
    assert not found.is_judged
    assert any("nothing is known of the accuracy" in line for line in evaluation.limits(found))
    assert any("LiteRT were not tried" in line for line in evaluation.limits(found))
    assert page.parts(found)["front matter"][-1] == "metrics: []"
    tried = RuntimeResult("litert", "2.3.0"), RuntimeResult("tflite-runtime", "2.14.0", None, 0.0, 2.0, 4.0)
    exports.write(copied, replace(made, variants=(replace(bare, runtimes=tried),)))
    found = known(copied)
    assert "| int8 | agrees, 4.00 x |" in evaluation.latency(found)
    assert not any("LiteRT were not tried" in line for line in evaluation.limits(found))


def test_nothing_was_kept(copied: Path) -> None:
    made = exports.read(copied)
    exports.write(copied, replace(made, variants=(replace(made.variants[0], file=None),)))
    assert facts.read(copied) is None
    before = written(copied)
    page.write(copied)
    assert written(copied) == before


def test_records_of_today_are_read_by_readers_from_before(copied: Path) -> None:
    """What this feature adds to export.json is not there where no other runtime was tried."""
    document = json.loads((copied / exports.NAME).read_text())
    assert all("runtimes" not in row for row in document["variants"]) and "runtime" not in document["inputs"]
    assert records.to_json(exports.read(copied)) == {key: value for key, value in document.items() if key != "schema"}
