"""All outputs of a live classifier as one, with isolated failures."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from device.errors import UserError
from device.live.interfaces.output import Output, OutputOptions, Surroundings
from device.live.interfaces.results import FrameResult, Status
from device.live.outputs.guarded import Guarded

if TYPE_CHECKING:
    from device.model.card import Card


class Outputs(Output):
    """The open outputs in order; they close in the reverse order.

    The status says which of them fail now, and is sent again when that changes.
    """

    def __init__(self) -> None:
        self._all: list[Guarded] = []
        self._status: Status | None = None

    def __enter__(self) -> "Outputs":
        return self

    def __exit__(self, *reason: object) -> None:
        self.close()

    def open(self, requested: Sequence[OutputOptions], around: Surroundings) -> None:
        """Opens the requested outputs, and adds each at once, so that all are closed whatever happens."""
        for options in requested:
            try:
                opened = options.open(around)
            except ImportError as error:
                if options.extra is None:
                    raise
                needs = f"--{options.switch} needs {(error.name or 'more').partition('.')[0]}"
                raise UserError(f"{needs}; install it with: pip install '.[{options.extra}]'") from None
            if opened is not None:
                self.add(options.name, opened)

    def add(self, name: str, output: Output) -> None:
        self._all.append(Guarded(name, output))

    def show(self, result: FrameResult) -> None:
        for output in self._all:
            output.show(result)

    def status(self, status: Status) -> None:
        self._status = replace(status, failing=self._failing(), failures=self._failures())
        for output in self._all:
            output.status(self._status)

    def tick(self) -> None:
        for output in self._all:
            output.tick()
        last = self._status
        if last is not None and (last.failing, last.failures) != (self._failing(), self._failures()):
            self.status(last)

    def ready(self) -> None:
        for output in self._all:
            output.ready()

    def reloading(self) -> None:
        for output in self._all:
            output.reloading()

    def model_changed(self, card: "Card") -> None:
        for output in self._all:
            output.model_changed(card)

    def close(self) -> None:
        for output in reversed(self._all):
            output.close()

    def _failing(self) -> tuple[str, ...]:
        return tuple([output.name for output in self._all if output.is_failing])

    def _failures(self) -> int:
        return sum([output.failures for output in self._all])
