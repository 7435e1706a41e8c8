"""The kinds of outputs, one line each."""

from collections.abc import Sequence

from device.live.interfaces.output import OutputOptions
from device.live.outputs.json_lines import JsonLinesOptions
from device.live.outputs.mqtt.options import MqttOptions
from device.live.outputs.on_label import OnLabelOptions
from device.live.outputs.systemd import SystemdOptions
from device.live.outputs.terminal import TerminalOptions
from device.live.outputs.web.serve import ServeOptions
from device.live.outputs.window import WindowOptions

# In the order of opening: those that may be refused come first. They close in the reverse order, so that systemd learns
# of the end before anything waits.
KINDS: Sequence[type[OutputOptions]] = (
    ServeOptions,
    MqttOptions,
    OnLabelOptions,
    JsonLinesOptions,
    WindowOptions,
    TerminalOptions,
    SystemdOptions,
)
