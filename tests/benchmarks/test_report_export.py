"""The report of an exported run: what quantization cost, beside benchmarks or without any."""

import base64
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.documents import models
from benchmarks.report import exported, report
from device import text
from device.errors import UserError
from device.evaluation import cost_table, exports
from device.evaluation.confidence import CalibrationError, FittedConfidence, TemperatureFit
from tests.benchmarks import reporting
from tests.benchmarks.report_page import Page
from tests.benchmarks.reporting import HOSTILE, PC
from tests.conftest import Run
from tests.exported import Exported, with_rescue

if TYPE_CHECKING:
    from tests.device.browsing import Pages

pytestmark = pytest.mark.long


@pytest.fixture
def run(lossy: Exported, tmp_path: Path) -> Path:
    return shutil.copytree(lossy.run, tmp_path / "run")


def page_of(run: Path) -> Page:
    report.write([run], run / "report.html")
    return Page(run / "report.html")


def test_a_run_without_benchmarks(command: Run, run: Path) -> None:
    done = command("benchmarks", "report", run)
    assert (done.returncode, done.stdout) == (0, f"{run / 'report.html'}\n"), done.stderr
    page = Page(run / "report.html")
    assert page.text.startswith("Export: run ")
    made = exports.read(run / "export")
    for row in made.variants:
        assert row.cost is not None
        for figure in (f"{100 * (row.top1 or 0):.2f} %", f"n {row.n}"):
            assert figure in page.text, figure
        if row.variant != "float32":
            lost = text.points(row.cost.drop, row.cost.drop_interval)
            assert lost.partition(" (")[0] in page.text and f"({lost.partition(' (')[2]}" in page.text
            assert all(said in page.text for said in cost_table.changes(row))
        if row.cost.changed:
            assert f"{min(40, row.cost.changed)} of {row.cost.changed} images" in page.text
    titles = page.charts()
    assert "run: int8 and float32, labels that changed" in titles and "run: noise of int8, layer by layer" in titles
    tiles = [attributes for _, attributes in page.elements if attributes.get("class") == "tile"]
    assert len(tiles) == sum(row.cost.sheet.count for row in made.variants if row.cost and row.cost.sheet)
    flip = made.variants[3].cost.flips[0]  # type: ignore[union-attr]
    said = f"lost: {flip.label} float32 {flip.float32.score:.2f} {flip.float32.label} int8 {flip.variant.score:.2f}"
    assert said in page.text
    policies = [attributes for _, attributes in page.elements if "Content-Security-Policy" in attributes.values()]
    assert "default-src 'none'" in str(policies[0]["content"])
    assert "://" not in page.source.replace("http://www.w3.org", "")


def test_beside_benchmarks(run: Path) -> None:
    """The machine's charts stay, and latencies that `benchmarks latency` measured of these files count."""
    document = reporting.latency(PC, 0.09)
    reporting.write(run / "benchmark.json", document)
    page = page_of(run)
    assert page.text.startswith("Benchmarks: AMD EPYC ") and len(page.charts()) > 7
    assert "a short measurement in turns" in page.text  # those are other files
    for row, variant in zip(document["results"][::2], exports.read(run / "export").variants, strict=True):
        row["sha256"] = variant.sha256
    reporting.write(run / "benchmark.json", document)
    assert "p50: as python -m benchmarks latency measured it" in page_of(run).text


def test_a_sheet_that_is_gone_or_is_none(run: Path) -> None:
    (run / "export/flips_int8.png").unlink()
    (run / "export/flips_dynamic.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert set(exported.read([run])[0].sheets) <= {"float16"}
    assert page_of(run).text.count("Its contact sheet is not there") == 2


def test_what_else_was_drawn(run: Path) -> None:
    """A sheet of explained images, as export leaves it; what is no PNG is left out."""
    assert not exported.read([run])[0].images
    png = (run / "export/flips_int8.png").read_bytes()
    (run / "export/explained_int8.png").write_bytes(png)
    (run / "export/robustness.png").write_bytes(b"words")
    (found,) = exported.read([run])[0].images
    (shown,) = (attributes for _, attributes in page_of(run).elements if attributes.get("class") == "drawn")
    assert shown["aria-label"] == found.shows and base64.b64encode(png).decode() in str(shown["style"])
    assert f"aspect-ratio: {found.size[0]} / {found.size[1]}" in str(shown["style"])


def test_a_rescue(run: Path) -> None:
    """Its attempts are a table, its file a row with flips, which benchmarks measure in the place of int8."""
    rescue = with_rescue(run)
    page = page_of(run)
    assert "equalized" in page.text and f"{rescue.file} stands in the place of int8" in page.text
    assert "run: int8_rescued and float32, labels that changed" in page.charts()
    names = [found.path.name for found in models.find([run])]
    assert names == ["lossy_float32.tflite", "lossy_float16.tflite", "lossy_dynamic.tflite", rescue.file]


def test_confidence(run: Path) -> None:
    before, after = CalibrationError(0.1234, (0.1, 0.2), 0.5), CalibrationError(0.0321, (0.0, 0.1), 0.4)
    temperature = TemperatureFit(200, "validation", 20, kept=True, temperature=1.5)
    fitted = FittedConfidence(temperature, None, "test", 200, before, after)
    made = exports.read(run / "export")
    rows = tuple(replace(row, confidence=fitted) for row in made.variants)
    exports.write(run / "export", replace(made, variants=rows))
    page = page_of(run)
    assert all(figure in page.text for figure in ("1.500", "12.34 %", "3.21 %", "on 200 images (test)"))


def test_a_damaged_record(run: Path) -> None:
    (run / "export/export.json").write_text('{"schema": 1')
    with pytest.raises(UserError, match=r"export.json: this is not JSON; expected .*; export again with: "):
        report.write([run], run / "report.html")
    assert not (run / "report.html").exists()


def test_nothing_from_a_record_lives(run: Path) -> None:
    path = run / "export/export.json"
    text = path.read_text().replace('"circle"', json.dumps(HOSTILE)).replace("/Relu", "<b>")
    path.write_text(text)
    page = page_of(run)
    assert "<script" not in page.source and "\u202e" not in page.source
    assert not {"script", "img", "iframe", "b"} & {tag for tag, _ in page.elements}
    assert "<script>alert('1')</script>" in page.text


@pytest.mark.programs
@pytest.mark.parametrize("width", [390, 1280])
def test_it_can_be_read(pages: "Pages", run: Path, width: int) -> None:
    page_of(run)
    page = pages.open(viewport={"width": width, "height": 800}, color_scheme="dark" if width == 390 else "light")
    page.goto((run / "report.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    tiles = [tile.bounding_box() for tile in page.locator(".tile").all()]
    assert tiles and all(box and box["width"] >= 100 and box["x"] + box["width"] <= width for box in tiles)
    assert "data:image/png" in page.locator(".tile").first.evaluate("tile => getComputedStyle(tile).backgroundImage")
