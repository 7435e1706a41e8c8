"""The charts of the report: which cases are worth having, and the arithmetic of what is drawn."""

import pytest

from benchmarks.report import charts
from benchmarks.report.charts import Bar, Point
from benchmarks.report.pareto import beaten, front


@pytest.mark.parametrize(
    ("points", "best"),
    [
        ([], []),
        ([(1.0, 0.9)], [0]),
        ([(2.0, 0.9), (1.0, 0.8), (3.0, 0.85)], [1, 0]),
        ([(1.0, 0.9), (1.0, 0.8)], [0]),  # as fast, less often right
        ([(2.0, 0.9), (1.0, 0.9)], [1]),  # as often right, slower
        ([(1.0, 0.9), (1.0, 0.9), (2.0, 0.9)], [0, 1]),  # equal ones stay together
        ([(None, 0.9), (1.0, None), (2.0, 0.5)], [2]),
        ([(None, None)], []),
        ([(3.0, 0.3), (2.0, 0.2), (1.0, 0.1)], [2, 1, 0]),
    ],
)
def test_the_pareto_front(points: list[tuple[float | None, float | None]], best: list[int]) -> None:
    assert front(points) == best


def test_only_what_the_intervals_tell_is_beaten_in_both() -> None:
    """Slower and less often right by the estimates alone is not told apart; nor is what is better in one of them."""
    base = ((1.0, 1.1), (0.90, 0.92))
    assert beaten([base, ((2.0, 2.1), (0.80, 0.82))]) == [1]
    assert beaten([base, ((1.05, 1.2), (0.80, 0.82))]) == []  # as fast, as far as can be told
    assert beaten([base, ((2.0, 2.1), (0.88, 0.905))]) == []  # as often right
    assert beaten([base, ((2.0, 2.1), (0.90, 0.92))]) == []
    assert beaten([base, (None, (0.80, 0.82)), ((2.0, 2.1), None)]) == []
    assert beaten([base, ((3.0, 3.1), (0.1, 0.2)), ((2.0, 2.1), (0.80, 0.82))]) == [1, 2]


def test_a_chart_is_of_plain_numbers() -> None:
    points = [
        Point("a", "#000000", 1.0, (0.9, 1.1), 0.5, (0.4, 0.6)),
        Point("b", "#ff0000", 9.0, None, 0.9, (0.8, 1.0)),
    ]
    svg = charts.trade_off("Ours & theirs", points)
    assert svg.startswith('<svg viewBox="0 0 ') and 'aria-label="Ours &amp; theirs"' in svg
    assert ">a<" in svg and ">b<" in svg
    # A wide range of times is on a logarithmic scale, with ticks at 1, 2 and 5; a narrow one is not.
    assert ">2<" in svg and ">5<" in svg
    assert charts.bars("sizes", [Bar("none", "#000000", 0.0, "0 B")]).count(">0 B<") == 1


def test_of_many_points_only_the_best_are_named() -> None:
    """Twenty names on a chart as wide as a phone lie on one another."""
    points = [Point(f"case {i}", "#000000", 1.0 + i, None, 0.5 - i / 100, (0.1, 0.6)) for i in range(9)]
    svg = charts.trade_off("many", points)
    assert [f">case {i}<" in svg for i in range(9)] == [True] + [False] * 8
    svg = charts.trade_off("few", points[:8])
    assert all(f">case {i}<" in svg for i in range(8))
