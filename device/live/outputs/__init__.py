"""Where answers go: every kind of output, a line each."""

from collections.abc import Sequence

from device.live.interfaces.output import OutputOptions
from device.live.outputs.json_lines import JsonLinesOptions
from device.live.outputs.mqtt.options import MqttOptions
from device.live.outputs.on_label import OnLabelOptions
from device.live.outputs.systemd import SystemdOptions
from device.live.outputs.terminal import TerminalOptions
from device.live.outputs.web.serve import ServeOptions
from device.live.outputs.window import WindowOptions

# In the order in which they are opened: what can be refused comes first. They are closed in the reverse order, so that
# systemd hears of the end before anything is waited for.
KINDS: Sequence[type[OutputOptions]] = (
    ServeOptions,
    MqttOptions,
    OnLabelOptions,
    JsonLinesOptions,
    WindowOptions,
    TerminalOptions,
    SystemdOptions,
)
