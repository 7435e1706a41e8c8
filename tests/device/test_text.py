"""Numbers and tables as people read them."""

import json

import pytest

from device import text


def test_some_of_many() -> None:
    assert text.some(["cat", "dog"], 2) == "cat, dog"
    assert text.some(["cat", "dog", "cow"], 2) == "cat, dog …"
    assert text.some([]) == ""


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.00255, "0.00255"),
        (0.05634, "0.0563"),
        (0.1, "0.100"),
        (8.612, "8.61"),
        (9.999, "10.0"),
        (99.9, "99.9"),
        (99.96, "100"),
        (100.0, "100"),
        (1234.6, "1235"),
        (None, "-"),
    ],
)
def test_milliseconds(value: float | None, said: str) -> None:
    assert text.milliseconds(value) == said


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 KB"),
        (28_608, "28.6 KB"),
        (999_949, "999.9 KB"),
        (999_950, "1.0 MB"),
        (1_000_000, "1.0 MB"),
        (51_100_000, "51.1 MB"),
        (None, "-"),
    ],
)
def test_a_size_is_in_its_own_unit(number: int | None, said: str) -> None:
    assert text.size(number) == said


def test_shares_and_ratios() -> None:
    assert text.percent(0.92404) == "92.40 %"
    assert text.percent(1.0, 0) == "100 %"
    assert text.percent(None) == "-"
    assert text.ratio(0.4321) == "0.43"
    assert text.ratio(None) == text.ratio(None, (0.4, 0.5)) == "-"
    assert text.ratio(0.4321, (0.428, 0.436)) == "0.43 (0.43-0.44)"
    assert text.ratio(1.0, (1.0, 1.0)) == "1.00"


def test_accuracy_is_never_shown_without_its_interval() -> None:
    assert text.accuracy(0.924, (0.9186, 0.929), 10_000) == "92.40 % (91.86-92.90, n 10000)"
    assert text.accuracy(0.924, None, 10_000) == text.accuracy(None, (0, 1), 5) == "-"


def test_tables_are_aligned() -> None:
    assert text.table(("model", "ms"), [("a", "1.5"), ("longer", "10.25")]) == [
        "model      ms",
        "------  -----",
        "a         1.5",
        "longer  10.25",
    ]
    assert text.table(("model", "ms"), []) == ["model  ms", "-----  --"]


def test_what_would_command_a_terminal_is_an_escape() -> None:
    assert text.visible("a\x1b[2Jb\x07\x9b31m\x7f\r\u202ec\u2066\udcff") == (
        "a\\u001b[2Jb\\u0007\\u009b31m\\u007f\\u000d\\u202ec\\u2066\\udcff"
    )
    assert text.visible("고양이\tü\n🐈 a\u200db") == "고양이\tü\n🐈 a\u200db", "a tab, an end of a line, a joiner stay"
    assert json.loads(text.visible(json.dumps("\x1b\x9b", ensure_ascii=False))) == "\x1b\x9b"
