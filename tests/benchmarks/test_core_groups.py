"""Tasks side by side: which group of cores does which, where they run, and what a failure or an interruption leaves."""

import argparse
import os
import subprocess
import sys
from time import monotonic, sleep

import pytest

from experiments import core_groups

CORE = min(os.sched_getaffinity(0))
AFFINITY = [sys.executable, "-c", "import os; print(*os.sched_getaffinity(0))"]


def one_core(task: object) -> int:
    return 1


def test_a_group_is_read_from_the_command_line() -> None:
    assert core_groups.group(str(CORE)) == (CORE,)
    for text in ("", "a", f"{CORE},", "100000"):
        with pytest.raises(argparse.ArgumentTypeError):
            core_groups.group(text)


def test_groups_share_no_core() -> None:
    assert core_groups.are_disjoint([(0,), (1, 2)])
    assert not core_groups.are_disjoint([(0, 1), (1, 2)])
    assert not core_groups.are_disjoint([(0, 0)])


def test_a_large_group_leaves_small_tasks_to_small_groups() -> None:
    left = ["a1", "b2", "c1", "d2"]

    def take(size: int, smaller: int) -> str | None:
        return core_groups.take(left, size, smaller, lambda task: int(task[1]))

    assert [take(2, 1), take(1, 0), take(2, 1), take(2, 1), take(2, 1)] == ["b2", "a1", "d2", "c1", None]


def test_groups_of_one_size_keep_the_order() -> None:
    left = ["a1", "b2"]
    assert core_groups.take(left, 2, 0, lambda task: int(task[1])) == "a1"


def test_a_task_that_no_group_fits_is_left_out() -> None:
    found = core_groups.run([(CORE,)], [2, 1, 2, 1], needs=lambda task: task, work=lambda task: task)
    assert list(found) == [1, 1]


def test_processes_run_on_their_group_and_nothing_else_does() -> None:
    before = os.sched_getaffinity(0)

    def work(task: int) -> str:
        return subprocess.run(AFFINITY, capture_output=True, text=True, check=True).stdout.strip()

    for found in core_groups.run([(CORE,)], [1, 2], one_core, work):
        assert found == str(CORE)
        assert os.sched_getaffinity(0) == before


def test_a_failure_ends_one_group_alone() -> None:
    found = []
    with pytest.raises(ZeroDivisionError):
        for each in core_groups.run([(CORE,), (CORE,)], [0, 1, 2, 4], one_core, lambda task: 8 // task):
            found.append(each)
    assert sorted(found) == [2, 4, 8]


def test_after_an_interruption_nothing_else_begins() -> None:
    begun = []

    def work(task: int) -> int:
        begun.append(task)
        sleep(0.05)
        return task

    measured = core_groups.run([(CORE,)], range(200), one_core, work)
    assert next(measured) == 0
    measured.close()
    assert len(begun) < 200


def test_nothing_begins_after_the_end() -> None:
    assert list(core_groups.run([(CORE,)], [1, 2], one_core, lambda task: task, end=monotonic() - 1)) == []
