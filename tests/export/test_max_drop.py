"""`export --max-drop POINTS`: is what quantization cost within the limit, beyond it, or not to be told?"""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from device.evaluation import by_label, exports
from device.evaluation.by_label import ByLabel
from device.evaluation.cost import QuantizationCost
from device.evaluation.exports import ExportedVariant, ReferenceComparison, Rescue, RescueStep
from export.cost import limit
from export.cost.limit import LimitVerdict
from export.models import ExportedModels
from tests.conftest import Run
from tests.exported import Exported, with_rescue

MAX_DROP = 0.02


def test_exit_codes(command: Run, lossy: Exported, tmp_path: Path) -> None:
    """Of the same files, which are not made anew."""
    run = shutil.copytree(lossy.run, tmp_path / "run")
    intervals = [row.cost.drop_interval for row in exports.read(run / "export").variants[1:] if row.cost]
    lows, highs = zip(*(interval for interval in intervals if interval), strict=True)
    assert len(lows) == 3 and max(lows) > 0.01
    before = (run / "export/export.json").stat().st_mtime_ns
    for max_drop, code in ((max(lows) - 0.005, 1), (max(lows) + 0.005, 3), (max(highs) + 0.001, 0)):
        done = command(*lossy.words(run), "--max-drop", 100 * max_drop)
        assert done.returncode == code, done.stderr
        judged = [line for line in done.stderr.splitlines() if "the limit is" in line]
        assert [line.split(":")[0] for line in judged] == ["float16", "dynamic", "int8"]
        answers = {line.split(": ")[1]: line for line in judged}
        assert ("beyond the limit" in answers) == (code == 1) and (set(answers) == {"within the limit"}) == (code == 0)
        assert "can't tell" not in answers or re.search(
            r"up to [\d,]+ images|[\d,]+ to [\d,]+ images", answers["can't tell"]
        )
    assert (run / "export/export.json").stat().st_mtime_ns == before


def test_a_new_export_is_judged(command: Run, lossy: Exported, tmp_path: Path) -> None:
    (older,) = lossy.run.glob("export/*_float16.tflite")
    left = tmp_path / "run/export" / older.name
    left.parent.mkdir(parents=True)
    shutil.copy(older, left)
    done = command(*lossy.words(tmp_path / "run"), "--variants", "int8", "--max-drop", 0.5)
    assert done.returncode == 1, done.stderr
    assert [line for line in done.stderr.splitlines() if line.startswith(f"note: {left}: ")], "it isn't of this export"
    assert "int8: beyond the limit: " in done.stderr and done.stdout
    row = exports.read(tmp_path / "run/export").variants[0]
    assert row.cost is not None and row.cost.latency is not None and row.cost.latency.ratio > 0


def row(variant: str, n: int, lost: int | None, won: int | None) -> ExportedVariant:
    cost = QuantizationCost(n, (lost or 0) + (won or 0), lost, won, 0.0, (0.0, 0.0), 1.0)
    return ExportedVariant(variant, n, "test", file=f"{variant}.tflite", cost=cost)


@pytest.mark.parametrize(
    ("rows", "is_within"),
    [
        ([row("int8", 10_000, 20, 15)], True),
        ([row("int8", 10_000, 200, 15)], False),
        ([row("int8", 200, 2, 1)], None),
        ([row("int8", 200, None, None)], None),
        ([row("dynamic", 10_000, 20, 15), row("int8", 200, 2, 1)], None),
        ([row("dynamic", 10_000, 200, 15), row("int8", 200, 2, 1)], False),
        ([row("float32", 200, 100, 0), row("int8", 10_000, 20, 15)], True),
    ],
)
def test_all_variants_together(exported: Exported, rows: list[ExportedVariant], is_within: bool | None) -> None:
    """Half a point; float32 is what the others are held against."""
    assert limit.is_within(limit.judge(rows, 0.005)) is is_within


@pytest.mark.long
def test_whether_models_are_within_a_drop_is_known_from_python(lossy: Exported) -> None:
    models = ExportedModels(lossy.run / "export", exports.read(lossy.run / "export"), is_new=False)
    assert models.within(0.01) is False and models.within(0.9) is True


def after_rescue(
    lossy: Exported,
    file: str | None,
    chosen: str,
    counts: tuple[int, int, int],
    paired: ByLabel | None = None,
    is_plain_kept: bool = True,
) -> LimitVerdict:
    """Of an export whose rescue chose a file; counts: of test images, of those lost and of those won."""
    step = RescueStep(chosen, 100, 1.0, 1.0, 200, 1, 1, 0.0, (-0.01, 0.01), is_on_front=True, is_chosen=True)
    comparison, cost = ReferenceComparison(counts[0], "test", by_label=paired), row("int8", *counts).cost
    rescue = Rescue(MAX_DROP, "validation", (step,), comparison, file, cost=cost)
    made = exports.read(lossy.run / "export")
    rows = [one if is_plain_kept or one.variant != "int8" else replace(one, file=None) for one in made.variants]
    (verdict,) = limit.of_export(replace(made, variants=tuple(rows), rescue=rescue), MAX_DROP)
    return verdict


@pytest.mark.parametrize(
    ("counts", "is_within"), [((10_000, 20, 15), True), ((10_000, 500, 15), False), ((200, 4, 1), None)]
)
def test_a_rescued_file_is_judged_in_the_place_of_all(
    lossy: Exported, counts: tuple[int, int, int], is_within: bool | None
) -> None:
    verdict = after_rescue(lossy, "net_int8_rescued.tflite", "biases", counts)
    assert (verdict.variant, verdict.is_within) == ("int8_rescued", is_within)
    assert bool(re.search(r"[\d,]+ to [\d,]+ images", verdict.reason)) == (is_within is None), "how many would do"


def _of_a_rare_label(lost: int) -> ByLabel:
    """Ten labels of 1,000 images and one of 20, of which so many are lost."""
    targets = np.repeat(np.arange(11), [1_000] * 10 + [20])
    right = np.ones(len(targets), bool)
    return by_label.compare(right, np.arange(len(targets)) < len(targets) - lost, targets, list("abcdefghijk"))


@pytest.mark.parametrize(("lost", "is_within"), [(20, False), (2, True)])
def test_a_rare_label_that_vanishes_is_beyond_the_limit(lossy: Exported, lost: int, is_within: bool) -> None:
    """Twenty of 10,020 images are 0.2 points; two of twenty may be chance. Of a rescued file too."""
    paired, counts = _of_a_rare_label(lost), (10_020, lost, 0)
    (plain,) = limit.judge([replace(row("int8", *counts), by_label=paired)], MAX_DROP)
    rescued = after_rescue(lossy, "net_int8_rescued.tflite", "biases", counts, paired=paired)
    for verdict in (plain, rescued):
        assert verdict.is_within is is_within
        assert ("label k: 20 of 20 images lost" in verdict.reason) is not is_within


def test_where_there_is_no_rescued_file(lossy: Exported) -> None:
    """One that was not kept is a failure, whatever it would have lost; the plain file may have been the chosen one."""
    assert after_rescue(lossy, None, "biases", (10_000, 20, 15)).is_within is False
    plain = after_rescue(lossy, None, "plain", (10_000, 20, 15))
    assert plain == limit.of_export(exports.read(lossy.run / "export"), MAX_DROP)[-1] and plain.variant == "int8"
    assert after_rescue(lossy, None, "plain", (10_000, 20, 15), is_plain_kept=False).is_within is False


def test_the_command_says_after_a_rescue_what_python_says(command: Run, lossy: Exported, tmp_path: Path) -> None:
    """The limit is one that the rescued file keeps and another variant doesn't."""
    folder = shutil.copytree(lossy.run, tmp_path / "run") / "export"
    with_rescue(folder.parent)
    made = exports.read(folder)
    assert made.rescue is not None
    better, beyond = row("int8", 10_000, 20, 15).cost, row("dynamic", 10_000, 500, 15).cost
    variants = [replace(one, cost=beyond) if one.variant == "dynamic" else one for one in made.variants]
    rescue = replace(made.rescue, cost=better, comparison=replace(made.rescue.comparison, by_label=None))
    exports.write(folder, replace(made, variants=tuple(variants), rescue=rescue))
    done = command(*lossy.words(folder.parent), "--max-drop", 100 * MAX_DROP)
    assert "int8_rescued: within the limit" in done.stderr and "dynamic: " not in done.stderr, done.stderr
    models = ExportedModels(folder, exports.read(folder), is_new=False)
    assert (done.returncode, models.within(MAX_DROP)) == (0, True)
