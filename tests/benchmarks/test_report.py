"""The report: what it says of documents, and that its page is safe and stands alone."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.report import report
from tests.benchmarks import reporting
from tests.benchmarks.report_page import WRITE, Page, made
from tests.benchmarks.reporting import HOSTILE, PC, PI, failed
from tests.conftest import ROOT, Run, model

pytestmark = pytest.mark.long

# What it says.


def test_two_machines_side_by_side(tmp_path: Path) -> None:
    """A run folder with its accuracy, and the document of a board that was short of power."""
    run = tmp_path / "runs/fashion_mnist"
    reporting.write(run / "benchmark.json", reporting.latency(PC, 0.09, date="2026-11-25", command="a command"))
    reporting.write(run / "accuracy.json", reporting.accuracy(PC))
    board = reporting.write(tmp_path / "pi.json", reporting.latency(PI, 0.61, is_warm=True))
    report.write([run, board, board], tmp_path / "report.html")
    page = Page(tmp_path / "report.html")
    assert page.text.startswith("Benchmarks: AMD EPYC, Raspberry Pi 4 Model B Rev 1.4")
    warning = (
        "Raspberry Pi 4 Model B Rev 1.4 throttled while it was measured: under-voltage, throttled, in 2 of 8 rows."
    )
    assert page.text.index(warning) < page.text.index("Machines")
    for said in ("Cortex-A72", "ondemand", "58.4 to 80.6 °C", "1200 to 1800 MHz", "25.3 GB", "avx2, fma", "1.42 mJ"):
        assert said in page.text, said
    assert "benchmark.json, 2026-11-25: latency of 8 cases" in page.text and "a command" in page.text
    assert "accuracy of 4 files in litert: fashion_mnist, test, 10000 images, 0 left out" in page.text
    charts_of = [title.partition(": ")[0] for title in page.charts()]
    # The board's accuracy is what was measured on the PC; its labels are not shown as its own.
    assert (charts_of.count("AMD EPYC"), charts_of.count("Raspberry Pi 4 Model B Rev 1.4")) == (7, 6)
    assert len(set(page.charts())) == 13
    # A table row a case and a head a table; the documents that came twice are there once.
    assert len([tag for tag, _ in page.elements if tag == "tr"]) == 2 * (8 + 1)


def test_figures_as_the_document_has_them(tmp_path: Path) -> None:
    document = reporting.latency(PC, 8.0)
    row = document["results"][0]
    row.update({"p50_ms": 7.654, "p50_interval_ms": [7.5, 7.8], "p99_ms": 9.87, "load_ms": 3.21, "energy_mj": None})
    row["sustained"] = {**row["sustained"], "frames_per_second": 41.25, "cold_p50_ms": 23.4, "p50_ms": 27.6}
    for other in document["results"]:
        other["energy_mj"] = None
    page = made(tmp_path, document)
    assert "float32 1 litert 2.3.0 7.65 (7.50-7.80)" in page.text
    for said in ("9.87", "3.21", "41.2", "23.4", "27.6", "91.42 %", "Not known here: energy."):
        assert f" {said} " in page.text, said


def test_the_longest_is_the_longest_of_all(tmp_path: Path) -> None:
    """Not of those that were kept. An older document doesn't know it, unless it kept every sample."""
    document = reporting.latency(PC, 8.0)
    first, second = document["results"][:2]
    first.update({"max_ms": 123.4, "p50_ms": 7.5, "p99_ms": 9.87})
    assert max(first["samples_ms"]) < 100
    for series in (second, second["frame"]):
        del series["max_ms"], series["longest_ms"]
    second.update({"p50_ms": 4.5, "p99_ms": 6.54})
    second["frame"].update({"samples_ms": [20.0, 31.0], "n": 2, "p50_ms": 25.5, "p99_ms": 30.89})
    document["results"] = [first, second]
    page = made(tmp_path, document)
    for said in (
        "p50 7.5, p99 9.87, longest 123",
        "p50 4.5, p99 6.54, longest unknown",
        "p50 25.5, p99 unknown, longest 31",
    ):
        assert said in page.text, said
    assert "the longest in a document that kept only a part of them" in page.text


def test_a_99th_percentile_of_too_few_samples_is_marked(tmp_path: Path) -> None:
    """In an older document, which has one, too; and how quantiles are taken stands beside them."""
    document = reporting.latency(PC, 8.0)
    document["results"][0].update({"n": 999, "p99_ms": 9.87})
    document["results"][1].update({"n": 1000, "p99_ms": 6.54})
    page = made(tmp_path, document)
    assert " - (n 999) " in page.text and " 6.54 " in page.text and " 9.87 " not in page.text
    assert "quantiles by linear interpolation between the two nearest samples" in page.text


def test_a_row_that_failed_and_one_that_failed_late(tmp_path: Path) -> None:
    document = reporting.latency(PC, 8.0)
    document["results"][1] = failed(document["results"][1], "the process was lost")
    document["results"][2]["error"] = "it ran out of memory"
    page = made(tmp_path, document)
    assert "2 litert not measured: the process was lost" in page.text
    assert "not to the end: it ran out of memory" in page.text
    assert "litert 2.3.0" not in " ".join(page.charts())  # a row without figures names no second runtime
    assert ">float32, 1 thread<" in page.source and ">float32, 2 threads<" not in page.source


def test_a_document_in_which_everything_failed(tmp_path: Path) -> None:
    document = reporting.latency(PC, 8.0)
    document["results"] = [failed(row, "no interpreter") for row in document["results"]]
    page = made(tmp_path, document)
    assert page.text.count("not measured: no interpreter") == 8
    assert page.charts() == []
    for said in ("No row has an accuracy", "No samples were kept", "No bursts were kept"):
        assert said in page.text


def test_without_an_accuracy_there_is_no_chart_of_it(tmp_path: Path) -> None:
    document = reporting.latency(PC, 8.0)
    for row in document["results"]:
        row.update({"top1": None, "interval": None, "accuracy_n": None, "accuracy_split": None})
    page = made(tmp_path, document)
    assert "No row has an accuracy: there is no chart." in page.text
    assert not any("accuracy" in title for title in page.charts())
    assert "Not known here: accuracy." in page.text


def test_accuracies_on_other_images_are_in_another_chart(tmp_path: Path) -> None:
    document = reporting.latency(PC, 8.0)
    for row in document["results"][:2]:
        row["accuracy_n"] = 500
    titles = [title for title in made(tmp_path, document).charts() if "accuracy" in title]
    assert titles == [f"AMD EPYC: accuracy against latency, as the card says, test, {n} images" for n in (500, 10_000)]


def test_a_part_says_so_and_what_has_no_accuracy_is_left_out(tmp_path: Path) -> None:
    """As Ctrl-C leaves a document of `accuracy`."""
    judged = reporting.accuracy(PC)
    last = judged["results"].pop()
    judged["results"].append({"file": last["file"], "variant": "int8", "sha256": "0", "error": "interrupted before"})
    path = reporting.write(tmp_path / "x.json", {**judged, "interrupted": True})
    timed = reporting.write(tmp_path / "timed.json", reporting.latency(PC, 8.0))
    report.write([path, timed], tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "accuracy of 3 files" in page and page.count("interrupted, so this is a part") == 1


def test_an_accuracy_of_another_file_by_the_same_name(tmp_path: Path) -> None:
    accuracy = reporting.accuracy(PC)
    for row in accuracy["results"]:
        row["sha256"] = "f" * 64
    page = made(tmp_path, reporting.latency(PC, 8.0), accuracy)
    assert "AMD EPYC: accuracy against latency, as the card says, test, 10000 images" in page.charts()


def test_labels_are_sorted_by_their_loss_and_cut(tmp_path: Path) -> None:
    page = made(tmp_path, reporting.accuracy(PC, tuple(f"label {place}" for place in range(102))))
    changes = [float(said.replace("−", "-")) for said in re.findall(r">([+−]\d\.\d)<", page.source)]
    assert len(changes) == 30 and changes == sorted(changes) and changes[0] < -1
    assert "the 30 of 102 labels that lose most" in page.text
    assert "Its latency was not measured." in page.text


def test_two_boards_of_one_name(tmp_path: Path) -> None:
    page = made(tmp_path, reporting.latency(PI, 0.6), reporting.latency({**PI, "governor": "performance"}, 0.5))
    assert page.text.startswith("Benchmarks: Raspberry Pi 4 Model B Rev 1.4, Raspberry Pi 4 Model B Rev 1.4 (2) ")


def test_of_a_run_folder_everything_is_shown(tmp_path: Path) -> None:
    """What boards brought back stands beside this machine's."""
    reporting.write(tmp_path / "run/benchmark.json", reporting.latency(PC, 0.09))
    reporting.write(tmp_path / "run/boards/kitchen.json", reporting.latency(PI, 0.61, True))
    report.write([tmp_path / "run"], tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "kitchen.json, " in page and "benchmark.json, " in page
    (tmp_path / "run/benchmark.json").unlink()
    report.write([tmp_path / "run"], tmp_path / "report.html")


def test_where_it_is_written(tmp_path: Path) -> None:
    file = reporting.write(tmp_path / "x.json", {})
    assert report.default_place([tmp_path]) == tmp_path / "report.html"
    assert report.default_place([file]) == report.default_place([tmp_path, file]) == Path("report.html")


# A page that is safe and stands alone.


def test_nothing_from_a_file_lives(tmp_path: Path) -> None:
    machine = {**PC, "cpu": HOSTILE, "board": HOSTILE, "system": HOSTILE, "governor": HOSTILE, "python": HOSTILE}
    latency = reporting.latency(machine, 8.0, date=HOSTILE, command=HOSTILE)
    for place, row in enumerate(latency["results"]):
        row.update({"file": HOSTILE, "variant": HOSTILE if place else None, "runtime": HOSTILE})
        row.update({"throttled": [HOSTILE], "accuracy_split": HOSTILE})
    latency["results"].append(failed(latency["results"][0], HOSTILE))
    accuracy = reporting.accuracy(machine, tuple(f"{HOSTILE}{place}" for place in range(4)))
    for row in accuracy["results"]:
        row.update({"data": HOSTILE, "file": f"{HOSTILE}{row['file']}"})
    page = made(tmp_path, latency, accuracy)
    assert "<script" not in page.source and "\u202e" not in page.source
    assert not {"script", "img", "iframe"} & {tag for tag, _ in page.elements}
    assert "<script>alert('1')</script> & \"quoted\" $x_y$ -->" in page.text
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]


def test_nothing_is_fetched_and_no_name_is_given_twice(tmp_path: Path) -> None:
    page = made(tmp_path, reporting.latency(PC, 0.09), reporting.latency(PI, 0.61, True), reporting.accuracy(PC))
    links = [attributes.get(name) for _, attributes in page.elements for name in ("src", "href", "xlink:href")]
    assert all(link.startswith("#") for link in links if link is not None)
    assert "@import" not in page.source and not re.search(r"url\((?!#)", page.source)
    policies = [attributes for tag, attributes in page.elements if "Content-Security-Policy" in attributes.values()]
    assert "default-src 'none'" in str(policies[0]["content"])
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids)) and ids
    used = set(re.findall(r'(?:url\(#|href="#)([\w-]+)', page.source))
    assert used <= set(ids)


def test_the_same_documents_give_the_same_bytes(tmp_path: Path) -> None:
    """In processes of their own: nothing hangs on the time, or on how Python's hashes fall out."""
    path = reporting.write(tmp_path / "pi.json", reporting.latency(PI, 0.61, True))
    for name in ("one.html", "two.html"):
        subprocess.run([sys.executable, "-c", WRITE, path, tmp_path / name], cwd=ROOT, check=True, timeout=120)
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


# The command.


@pytest.mark.programs
def test_from_a_model_to_a_page(command: Run, tmp_path: Path, shapes_folder: Path) -> None:
    quick = ("--seconds", "0.02", "--sustained", "0.05")
    done = command("benchmarks", "latency", model("float32"), model("int8"), *quick, "--json", "latency.json")
    assert done.returncode == 0, done.stderr
    done = command(
        "benchmarks", "accuracy", model("float32"), model("int8"), "--data", shapes_folder, "--json", "accuracy.json"
    )
    assert done.returncode == 0, done.stderr
    done = command("benchmarks", "report", "latency.json", "accuracy.json")
    assert (done.returncode, done.stderr) == (0, "")
    page = Page(tmp_path / "report.html")
    assert len(page.charts()) == 7
    assert "shapes, test, 30 images" in page.text
