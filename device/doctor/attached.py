"""What `device doctor` finds of cameras: what Linux lists as /dev/video*, and those that libcamera knows."""

import grp
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from device.doctor.findings import Finding
from device.host import system
from device.host.system import HERE

# Names that a Raspberry Pi gives to its decoders and image processors: they are listed among the cameras.
NO_CAMERAS = ("bcm2835-codec", "bcm2835-isp", "rpi-hevc", "rpivid", "pispbe")
# The receivers behind the ribbon cable: their cameras are libcamera's.
RIBBON = ("unicam", "rp1-cfe")
LISTERS = ("rpicam-hello", "libcamera-hello")
PATIENCE_S = 20


@dataclass(frozen=True)
class Node:
    """One /dev/video*. group: that may use it; None where the group has no name. is_open_to_us: we may."""

    path: Path
    name: str
    group: str | None
    is_open_to_us: bool


def nodes(root: Path = HERE) -> list[Node]:
    """The first node of each camera; what follows with another index (metadata) and the decoders are left out."""
    numbered = [(int(path.name[5:]), path) for path in (root / "dev").glob("video*") if path.name[5:].isdigit()]
    found = []
    for _, path in sorted(numbered):
        said = root / "sys/class/video4linux" / path.name
        name = system.read_text(said / "name") or "no name"
        if system.read_text(said / "index") in (None, "0") and not name.startswith(NO_CAMERAS):
            found.append(Node(path, name, _group(path), os.access(path, os.R_OK | os.W_OK, effective_ids=True)))
    return found


def _group(path: Path) -> str | None:
    try:
        return grp.getgrgid(path.stat().st_gid).gr_name
    except (KeyError, OSError):
        return None


def libcamera_cameras() -> list[str] | None:
    """Sensors by name, as `rpicam-hello --list-cameras` lists them; None where libcamera has no such program here."""
    program = next((path for name in LISTERS if (path := shutil.which(name))), None)
    if program is None:
        return None
    try:
        done = subprocess.run([program, "--list-cameras"], capture_output=True, text=True, timeout=PATIENCE_S)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return re.findall(r"^\s*\d+ : (\S+) \[", done.stdout, re.MULTILINE)


def findings(root: Path = HERE) -> list[Finding]:
    """A finding a camera, or one that says there is none."""
    there = nodes(root)
    usb = [_usb(node) for node in there if not node.name.startswith(RIBBON)]
    found = [*_ribbon(any(node.name.startswith(RIBBON) for node in there)), *usb]
    return found or [Finding("note", "camera", "none found", "plug one in; --source test needs none")]


def _ribbon(has_receiver: bool) -> list[Finding]:
    cameras = libcamera_cameras()
    if cameras:
        return [Finding("ok", "camera", f"{name} (libcamera): --source picamera2") for name in cameras]
    if not has_receiver:
        return []
    if cameras is None:
        advice = "sudo apt install rpicam-apps python3-picamera2, then --source picamera2; OpenCV can't open it"
        return [Finding("note", "camera", "a ribbon cable's camera, and no libcamera to use it", advice)]
    return [Finding("note", "camera", "libcamera finds none on the ribbon cable", "see that the cable is in firmly")]


def _usb(node: Node) -> Finding:
    found = f"{node.path}: {node.name}"
    if node.is_open_to_us:
        return Finding("ok", "camera", found)
    # Nobody is to be told to join root's group.
    group = node.group if node.group not in (None, "root") else "video"
    advice = f"it is for the group {group}: sudo usermod -aG {group} $USER, and log in again"
    return Finding("problem", "camera", f"{found}; no permission to use it", advice)
