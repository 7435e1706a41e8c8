"""What lies in a run's folder before a run begins, and what becomes of it: nothing that is there is overwritten.

    runs/NAME       the run that begins
    runs/NAME.1     the one that lay there before, whole, with its exports and reports; .2 the next one, and so on

A rename is the only thing that happens to an older run, so a kill at any moment leaves it whole under one of the names.
Needs no Keras: what can be refused is refused before Keras is imported.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from device import command, files, locks, text
from device.data import benchmark_record, heads, run_record
from device.errors import UserError
from device.records import RecordError
from train.run import checkpoint, evaluation
from train.run.evaluation import T
from train.run.runs import Identity, Run

# What a run leaves that came to no epoch: nothing worth a folder of its own.
WORTHLESS = {run_record.NAME, "history.json", "checkpoint", "tensorboard"}
# What else lies in a run's folder.
KNOWN = WORTHLESS | {
    *(
        run_record.MODEL,
        heads.NAME,
        evaluation.NAME,
        "history.png",
        "confusion.png",
        "samples.png",
        "features.png",
        "boundary.png",
    ),
    *("export", benchmark_record.NAME, "report.html"),
}


class Way(Enum):
    """What a run does with its folder."""

    UP_TO_DATE = "the folder holds this run, finished"
    GOES_ON = "the run goes on from its checkpoint"
    BEGINS = "the run starts, and what the folder holds is moved aside"


@dataclass(frozen=True)
class Claim:
    """A run folder and the run that needs it. resume: go on; again: train again even if the folder holds the run."""

    run: Run
    wanted: Identity
    resume: bool = False
    again: bool = False

    def check(self) -> Way:
        """What the run would do; changes nothing.

        UserError for a folder that isn't a run folder or is in use by another process, for a run that can't go on, and
        for an interrupted run without a choice to resume it or to train again.
        """
        check(self.run)
        if not self.is_up_to_date:
            locks.check_free(self.run.path)
        return self._way()

    @contextlib.contextmanager
    def hold(self) -> Iterator[Way]:
        """Locks the folder until the block ends; yields what `check` returns, now that no other process can change
        it. A run that goes on finds nothing in it that a kill left half-written."""
        check(self.run)
        with locks.held(self.run.path, "a training"):
            way = self._way()
            if way is Way.GOES_ON:
                files.remove_unfinished(self.run.path)
                checkpoint.tidy(self.run.checkpoint)
            yield way

    def make_room(self, weights: Path | None = None) -> Path | None:
        """Moves aside what the folder holds, as a whole, and reports it; returns where the file `weights` is now.

        Call it inside `hold`, after all checks.
        """
        if self.resume:
            command.say(f"{self.run.path}: there is no checkpoint, so training starts from the beginning")
        if _is_worth_keeping(self.run):
            before, real = self._before(), self.run.path.resolve()
            inside = weights and real in weights.resolve().parents
            moved = _move(self.run)
            command.say(f"note: {self.run.path}: {before} is kept as {moved}")
            if weights and inside:
                weights = moved / weights.resolve().relative_to(real)
        self.run.path.resolve().mkdir(parents=True, exist_ok=True)
        return weights

    def evaluation(self, kind: type[T]) -> T:
        """Reads evaluation.json of an up-to-date run, and reports that it is; UserError for a damaged file."""
        found = evaluation.read(kind, self.run.path)
        command.say(f"{self.run.path}: up to date (same recipe, same data); --again trains it again")
        return found

    @property
    def is_up_to_date(self) -> bool:
        return not self.again and self.run.is_up_to_date(self.wanted)

    def _way(self) -> Way:
        if self.resume and self.again:
            raise UserError("--resume and --again were both given, expected one: to go on, or to train again")
        if self.is_up_to_date:
            return Way.UP_TO_DATE
        if self.resume and checkpoint.check_resume(self.run, self.wanted):
            return Way.GOES_ON
        if not self.again and not self.resume:
            checkpoint.check_begin(self.run, self.wanted)
        if _is_worth_keeping(self.run):
            _check_movable(self.run)
        return Way.BEGINS

    def _before(self) -> str:
        """Describes the run in the folder: its status, and how it differs from the wanted one."""
        record = self.run.read()
        status = record.status if record else "damaged"
        changes = Identity.recorded(record).changes(self.wanted) if record else []
        return f"the previous run ({text.some([f'status {status}', *changes], 6, '; ')})"


def check(run: Run) -> None:
    """UserError for a folder that can't be written or holds something else than a run, which would be renamed later."""
    files.check_writable(run.path, "--run")
    names = _names(run)
    if not (names <= KNOWN or _is_a_run(run)):
        raise UserError(
            f"{run.path}: not a run folder, it holds {text.some(sorted(names - KNOWN))}; expected a new or an empty"
            " folder, or a run folder: choose another with --run"
        )


def _names(run: Run) -> set[str]:
    """What the folder holds, except hidden files."""
    there = run.path.iterdir() if run.path.is_dir() else ()
    return {path.name for path in there if not path.name.startswith(".")}


def _is_a_run(run: Run) -> bool:
    """Whether there is a run.json, which a power failure may have emptied, or a checkpoint."""
    try:
        run_record.read(run.path)
    except RecordError:  # of another program
        return False
    except (OSError, ValueError):
        return run.record.is_file() or (run.checkpoint / checkpoint.LATEST).is_file()
    return True


def _is_worth_keeping(run: Run) -> bool:
    return bool(_names(run) - WORTHLESS) or (run.checkpoint / checkpoint.LATEST).is_file()


def _check_movable(run: Run) -> None:
    real, here = run.path.resolve(), Path.cwd()
    why = None
    if real == here or real in here.parents:
        why = "the working directory is in it"
    elif real.is_mount():
        why = "it is a mount point"
    elif not os.access(real.parent, os.W_OK | os.X_OK):
        why = f"no permission to write in {real.parent}"
    if why:
        raise UserError(f"{run.path}: it holds a run that can't be moved aside, {why}; choose another with --run")


def _move(run: Run) -> Path:
    """Gives the folder the next free number; returns its new path, relative if the old one was."""
    real = run.path.resolve()
    moved = files.aside(real)
    real.rename(moved)
    return moved if run.path.is_symlink() or run.path.name != real.name else run.path.with_name(moved.name)
