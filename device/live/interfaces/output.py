"""What every output of `live` promises, and what an output says of itself before there is one.

A kind of output is one module with two classes: a frozen dataclass, derived from OutputOptions, whose fields are its
options, and an Output, which `open` makes. It is registered by one line in device/live/outputs/__init__.py.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from device import declared
from device.errors import UserError
from device.live.interfaces.readings import Reading, Status
from device.live.interfaces.secrets import Secret

if TYPE_CHECKING:
    from device.model.card import Card


class Output:
    """One way to tell people or programs. Called by the live loop's thread: must return within a millisecond or so.

    An output that waits for others (a broker, a viewer) has a thread of its own and drops what it can't send. Whatever
    it has nothing to do with it leaves as it is here. ends_with_reader: it writes where a reader may go (`| head`), and
    that ends the program, as it does for every command.
    """

    ends_with_reader = False

    def show(self, reading: Reading) -> None:
        """One answer."""

    def status(self, status: Status) -> None:
        """The source was lost or came back, another model was loaded, an output fails or works again."""

    def tick(self) -> None:
        """At every turn of the loop, ten times a second at least, also while no frame comes or a model is checked.

        Raises ThreadEndedError where its thread has died; it is then told to `begin` anew.
        """

    def begin(self) -> None:
        """Another thread in the place of one that died, with all that is known."""

    def ready(self) -> None:
        """The loop begins, or goes on after `reloading`."""

    def reloading(self) -> None:
        """The model is being loaded anew."""

    def model_changed(self, card: "Card") -> None:
        """Another model answers from now on."""

    def close(self) -> None:
        """The end: what was opened is closed, within half a second."""


@dataclass(frozen=True)
class Surroundings:
    """What an output is opened in.

    stop: ends the loop. stdout_is_taken: by another output's lines. image_is_shown: by another output. private: names
    in the environment that no program which is started here may see.
    """

    card: "Card"
    stop: Callable[[], None]
    stdout_is_taken: bool = False
    image_is_shown: bool = False
    private: frozenset[str] = frozenset()


@dataclass(frozen=True)
class OutputOptions:
    """The options of one kind of output, as they were given. UserError for values that can't be.

    name: what it is called where it fails. title: of its group in --help. switch: the option that asks for it; the
    others make no sense without. extra: of pip, what it needs beside device's own packages, imported when it is opened.
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
                raise UserError(f"{option} was given without {needed}; give that too, or leave {option} out")

    @property
    def takes_stdout(self) -> bool:
        """Whether its lines go to stdout."""
        return False

    @property
    def shows_image(self) -> bool:
        """Whether people see the camera's image there."""
        return False

    def check_labels(self, labels: Sequence[str]) -> None:
        """UserError where they don't fit the labels of the model that answers."""

    def open(self, around: Surroundings) -> Output | None:
        """The output at work; None where it isn't asked for, or can't be had here."""
        raise NotImplementedError
