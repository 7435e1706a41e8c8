"""`device doctor`: what this machine is and has, what doesn't fit, and what to do; with a model also how it runs here.

Imports neither numpy nor OpenCV before it has said whether they are there.
"""

from dataclasses import dataclass
from pathlib import Path

from device import command, files
from device.doctor import attached, hardware, packages
from device.doctor.findings import Finding, lines
from device.errors import UserError
from device.host import system
from device.model import model_kinds

NOT_LOOKED_AT = Finding("problem", "model", "not looked at", "see to the packages above first")


@dataclass(frozen=True)
class DoctorRequest:
    """What the command line asks for. size: (height, width) for a model that leaves them open."""

    model: Path | None
    runtime: str | None
    json: str | None
    size: tuple[int, int] | None = None


def run(request: DoctorRequest) -> int:
    """1 when something is a problem, else 0."""
    if request.model is not None and not request.model.is_file():
        model_kinds.require_tflite(request.model)
    found = [*packages.findings(), *hardware.findings(), *attached.findings()]
    if request.model is not None:
        packages_fit = not any(finding.level == "problem" for finding in found if finding.subject in packages.NEEDED)
        found += _of_model(request.model, request) if packages_fit else [NOT_LOOKED_AT]
    if request.json:
        results = [finding.to_json() for finding in found]
        files.deliver_json({"schema": 1, "machine": vars(system.describe()), "results": results}, request.json)
    else:
        command.show(lines(found))
    return command.FAILED if any(finding.level == "problem" for finding in found) else command.GOOD


def _of_model(path: Path, request: DoctorRequest) -> list[Finding]:
    """A model that can't be used is a finding too; the error says what to do."""
    from device.doctor import examined

    try:
        return examined.findings(path, request.runtime, request.size)
    except UserError as error:
        return [Finding("problem", "model", str(error))]
