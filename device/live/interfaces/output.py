"""The interface of every output of `live`, and of its options.

A kind of output is one module with two classes: a frozen dataclass derived from OutputOptions, whose fields are its
options, and an Output, which `open` creates. One line in device/live/outputs/__init__.py registers it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from device import declared
from device.errors import UserError
from device.live.interfaces.results import FrameResult, Status
from device.live.interfaces.secrets import Secret

if TYPE_CHECKING:
    from device.model.card import Card


class Output:
    """One way to show results. Called by the live loop's thread, so it must return within about a millisecond.

    An output that waits for others (a broker, a viewer) has its own thread, and drops what it can't send. A subclass
    overrides only what it needs. ends_with_reader: a closed pipe (`| head`) ends the program, as it does for every
    command.
    """

    ends_with_reader = False

    def show(self, result: FrameResult) -> None:
        """Shows one result."""

    def status(self, status: Status) -> None:
        """Called when the source is lost or back, another model is loaded, or an output fails or works again."""

    def tick(self) -> None:
        """Called in every pass of the loop, at least ten times per second, even without frames or while a model loads.

        Raises ThreadEndedError if its thread has died; `begin` is then called again.
        """

    def begin(self) -> None:
        """Starts another thread after one died, with all that is known."""

    def ready(self) -> None:
        """The loop starts, or continues after `reloading`."""

    def reloading(self) -> None:
        """The model is being reloaded."""

    def model_changed(self, card: "Card") -> None:
        """Another model is in use from now on."""

    def close(self) -> None:
        """Closes what was opened, within half a second."""


@dataclass(frozen=True)
class Surroundings:
    """What an output needs to know when it opens.

    stop: ends the loop. stdout_is_used: another output writes there. image_is_shown: by another output. private:
    environment variables to hide from child processes.
    """

    card: "Card"
    stop: Callable[[], None]
    stdout_is_used: bool = False
    image_is_shown: bool = False
    private: frozenset[str] = frozenset()


@dataclass(frozen=True)
class OutputOptions:
    """The given options of one kind of output. UserError for invalid values.

    name: for messages. title: of its group in --help. switch: the option that enables it; the others require it. extra:
    of pip, for packages beside device's own, which are imported when it opens.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    switch: ClassVar[str | None] = None
    extra: ClassVar[str | None] = None
    secrets: ClassVar[Sequence[Secret]] = ()

    def __post_init__(self) -> None:
        declared.check(self)
        if self.switch is None or getattr(self, self.switch):
            return
        for name in declared.options(type(self)):
            if getattr(self, name):
                option, needed = declared.spelled(name), declared.spelled(self.switch)
                raise UserError(
                    f"{option} was given without {needed}, which it belongs to, expected both; add {needed}, or omit"
                    f" {option}"
                )

    @property
    def uses_stdout(self) -> bool:
        """Whether it writes to stdout."""
        return False

    @property
    def shows_image(self) -> bool:
        """Whether it shows the camera's image."""
        return False

    def check_labels(self, labels: Sequence[str]) -> None:
        """UserError if the options don't fit the model's labels."""

    def open(self, around: Surroundings) -> Output | None:
        """The open output; None if it isn't requested, or not possible here."""
        raise NotImplementedError
