"""`device doctor`: what this machine has, what is wrong, and how to fix it; with a model, also how it runs here.

Checks whether numpy and OpenCV work before it imports them.
"""

from dataclasses import dataclass
from pathlib import Path

from device import command, files
from device.doctor import attached, hardware, packages
from device.doctor.findings import Finding, lines
from device.errors import UserError
from device.host import system
from device.model import model_kinds

NOT_CHECKED = Finding("problem", "model", "not checked", "fix the packages above first")


@dataclass(frozen=True)
class DoctorRequest:
    """The options of the command line. size: (height, width) for a model that leaves them open."""

    model: Path | None
    runtime: str | None
    json: str | None
    size: tuple[int, int] | None = None


def run(request: DoctorRequest) -> int:
    """Returns 1 if there is a problem, else 0."""
    if request.model is not None and not request.model.is_file():
        model_kinds.require_tflite(request.model)
    found = [*packages.findings(), *hardware.findings(), *attached.findings()]
    if request.model is not None:
        packages_fit = not any(finding.level == "problem" for finding in found if finding.subject in packages.NEEDED)
        found += _of_model(request.model, request) if packages_fit else [NOT_CHECKED]
    if request.json:
        results = [finding.to_json() for finding in found]
        files.deliver_json({"schema": 1, "machine": vars(system.describe()), "results": results}, request.json)
    else:
        command.show(lines(found))
    return command.FAILED if any(finding.level == "problem" for finding in found) else command.GOOD


def _of_model(path: Path, request: DoctorRequest) -> list[Finding]:
    """Reports a model that can't be used as a finding too; the error says what to do."""
    from device.doctor import examined

    try:
        return examined.findings(path, request.runtime, request.size)
    except UserError as error:
        return [Finding("problem", "model", str(error))]
