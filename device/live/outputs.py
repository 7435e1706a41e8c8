"""The outputs of a live classifier that are asked for, opened in an order in which what can be refused comes first."""

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from device import command
from device.card import Card
from device.errors import UserError
from device.live import on_label
from device.live.guarded import Guarded
from device.live.json_lines import JsonLines
from device.live.on_label import OnLabel, Rule
from device.live.systemd import Systemd
from device.live.terminal import Terminal
from device.mqtt import mqtt
from device.mqtt.mqtt import Mqtt
from device.web import access
from device.web.serve import Serve

# Options that say how an output is to be, and the output.
OF_OUTPUTS = {
    "token_file": "serve",
    **dict.fromkeys(("jsonl_changes", "jsonl_every"), "jsonl"),
    **dict.fromkeys(("mqtt_name", "mqtt_user", "mqtt_password_file", "mqtt_tls", "mqtt_ca"), "mqtt"),
}


@dataclass(frozen=True)
class Wanted:
    """What the command line asks for. UserError for what belongs to an output that isn't asked for."""

    headless: bool = False
    jsonl: str | None = None
    jsonl_changes: bool = False
    jsonl_every: float | None = None  # seconds
    serve: str | None = None
    token_file: Path | None = None
    mqtt: str | None = None
    mqtt_name: str | None = None
    mqtt_user: str | None = None
    mqtt_password_file: Path | None = None
    mqtt_tls: bool = False
    mqtt_ca: Path | None = None
    on_label: Sequence[Rule] = ()

    def __post_init__(self) -> None:
        for name, output in OF_OUTPUTS.items():
            if getattr(self, name) and not getattr(self, output):
                option = f"--{name.replace('_', '-')}"
                raise UserError(f"{option} was given without --{output}; give that too, or leave {option} out")


class Outputs(list[Guarded]):
    """All that are open, each guarded. Closing them ends what they opened, in the reverse order."""

    def __init__(self) -> None:
        super().__init__()
        self._closing = ExitStack()
        self.systemd = Systemd()
        self.page: Serve | None = None
        self.append(Guarded("systemd", self.systemd))

    def __enter__(self) -> "Outputs":
        return self

    def __exit__(self, *reason: object) -> None:
        self.systemd.stopping()
        for output in reversed(self):
            output.close()
        self._closing.close()

    def look(self) -> None:
        """Called at every turn of the loop, ten times a second at least: what has to be done with or without frames."""
        self.systemd.alive()
        for output in self:
            output.look()

    def failing(self) -> tuple[tuple[str, ...], int]:
        """(the names of those that fail now, failures of all so far)."""
        return tuple([output.name for output in self if output.is_failing]), sum([output.failures for output in self])

    def open(self, wanted: Wanted, card: Card, stop: Callable[[], None]) -> None:
        """Each is in the list as soon as it is open, so that all are closed whatever comes."""
        on_label.check_labels(wanted.on_label, card.labels or ())
        if wanted.serve:
            self.page = Serve(wanted.serve, card, access.read_token(wanted.token_file))
            self.append(Guarded("serve", self.page))
            command.say(f"page: {self.page.url}")
        if wanted.mqtt:
            as_whom = wanted.mqtt_name, wanted.mqtt_user, wanted.mqtt_password_file
            settings = mqtt.settings(wanted.mqtt, *as_whom, wanted.mqtt_tls, wanted.mqtt_ca)
            self.append(Guarded("mqtt", Mqtt(settings)))
        if wanted.on_label:
            self.append(Guarded("on-label", OnLabel(wanted.on_label)))
        if wanted.jsonl:
            lines = JsonLines(wanted.jsonl, wanted.jsonl_changes, wanted.jsonl_every)
            self.append(Guarded("jsonl", lines, ends_with_reader=wanted.jsonl == "-"))
        self._show(wanted, stop)

    def _show(self, wanted: Wanted, stop: Callable[[], None]) -> None:
        """A window where there can be one and nothing else shows the picture; and the terminal."""
        if not wanted.headless and not wanted.serve:
            from device.live import window

            reason = window.why_not()
            if reason is None:
                shown = window.Window(stop)
                self.append(Guarded("window", shown, look=shown.look))
            else:
                command.say(f"note: no window: {reason}; answers are shown here, --serve shows a page")
        has_lines = wanted.jsonl == "-"
        stream = sys.stderr if has_lines else sys.stdout
        if stream is None:  # closed by who started this: >&-
            stream = self._closing.enter_context(Path(os.devnull).open("w"))  # noqa: SIM115
        terminal = Terminal(stream, among_others=has_lines and sys.stdout.isatty())
        self.append(Guarded("terminal", terminal, ends_with_reader=True))
