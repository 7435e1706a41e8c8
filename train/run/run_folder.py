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
from device.data import run_record
from device.errors import UserError
from device.records import RecordError
from train.run import checkpoint, evaluation
from train.run.evaluation import T
from train.run.runs import Identity, Run

# What a run leaves that came to no epoch: nothing worth a folder of its own.
WORTHLESS = {"run.json", "history.json", "checkpoint", "tensorboard"}
# What else lies in a run's folder.
KNOWN = WORTHLESS | {
    *(
        "model.keras",
        "heads.npz",
        "evaluation.json",
        "history.png",
        "confusion.png",
        "samples.png",
        "features.png",
        "boundary.png",
    ),
    *("export", "benchmark.json", "report.html"),
}


class Way(Enum):
    """How a run goes about its folder."""

    UP_TO_DATE = "this very run is there, finished"
    GOES_ON = "it goes on from its checkpoint"
    BEGINS = "it begins, and what lies there is moved aside"


@dataclass(frozen=True)
class Claim:
    """A run folder and the run that it is wanted for. resume: go on; again: begin anew even if it is there already."""

    run: Run
    wanted: Identity
    resume: bool = False
    again: bool = False

    def look(self) -> Way:
        """Which way it goes; changes nothing.

        UserError for a folder that is no run's or that another process works in, for a run that can't go on, and for
        one that was interrupted where nothing says whether it shall go on.
        """
        check(self.run)
        if not self.is_up_to_date:
            locks.check_free(self.run.path)
        return self._way()

    @contextlib.contextmanager
    def taken(self) -> Iterator[Way]:
        """Holds the folder until the block ends; gives what `look` gives, now that nobody else can change it."""
        check(self.run)
        with locks.held(self.run.path, "a training"):
            yield self._way()

    def make_room(self, weights: Path | None = None) -> Path | None:
        """Moves aside what lies in the folder, as a whole, and says so; returns where the file `weights` is now.

        To be called in `taken`, when nothing can be refused any more.
        """
        if self.resume:
            command.say(f"{self.run.path}: no checkpoint to go on from, so it begins")
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
        """evaluation.json of a run that is up to date, which is said; UserError for one that is damaged."""
        found = evaluation.read(kind, self.run.path)
        command.say(f"{self.run.path}: up to date (same recipe, same data); --again trains it anew")
        return found

    @property
    def is_up_to_date(self) -> bool:
        return not self.again and self.run.is_up_to_date(self.wanted)

    def _way(self) -> Way:
        if self.resume and self.again:
            raise UserError("--resume and --again were both given, expected one: to go on, or to begin anew")
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
        """What lies there, in words: how far it came, and how it is another than the one that is wanted."""
        record = self.run.read()
        status = record.status if record else "damaged"
        changes = Identity.recorded(record).changes(self.wanted) if record else []
        return f"the run that lay there ({text.some([f'status {status}', *changes], 6, '; ')})"


def check(run: Run) -> None:
    """UserError for a folder that can't be written, or holds what is no run: it would be renamed some day."""
    files.check_writable(run.path, "--run")
    names = _names(run)
    if not (names <= KNOWN or _is_a_run(run)):
        raise UserError(
            f"{run.path}: no run's folder, it holds {text.some(sorted(names - KNOWN))}; expected a new or an empty"
            " folder, or one that a run is in: choose another with --run"
        )


def _names(run: Run) -> set[str]:
    """What lies in the folder, hidden files aside."""
    there = run.path.iterdir() if run.path.is_dir() else ()
    return {path.name for path in there if not path.name.startswith(".")}


def _is_a_run(run: Run) -> bool:
    """By run.json, which a power failure may have emptied, or by a checkpoint."""
    try:
        run_record.read(run.path)
    except RecordError:  # another program's
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
        raise UserError(f"{run.path}: a run lies there and can't be moved aside, {why}; choose another with --run")


def _move(run: Run) -> Path:
    """Gives the folder the next number, and returns its new path in the words of the old one."""
    real = run.path.resolve()
    moved = files.aside(real)
    real.rename(moved)
    return moved if run.path.is_symlink() or run.path.name != real.name else run.path.with_name(moved.name)
