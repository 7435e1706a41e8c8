"""`device doctor` on cameras: what Linux lists as /dev/video*, and what libcamera lists."""

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

# A Raspberry Pi's decoders and image processors, which are listed among the cameras.
NO_CAMERAS = ("bcm2835-codec", "bcm2835-isp", "rpi-hevc", "rpivid", "pispbe")
# The receivers of the ribbon cable, whose cameras need libcamera.
RIBBON = ("unicam", "rp1-cfe")
LISTERS = ("rpicam-hello", "libcamera-hello")
PATIENCE_S = 20


@dataclass(frozen=True)
class Node:
    """One /dev/video*. group: the group that may use it; None if it has no name. is_open_to_us: whether we may."""

    path: Path
    name: str
    group: str | None
    is_open_to_us: bool


def nodes(root: Path = HERE) -> list[Node]:
    """The first node of each camera, without nodes of other indices (metadata) and decoders."""
    numbered = [(int(path.name[5:]), path) for path in (root / "dev").glob("video*") if path.name[5:].isdigit()]
    found = []
    for _, path in sorted(numbered):
        details = root / "sys/class/video4linux" / path.name
        name = system.read_text(details / "name") or "no name"
        if system.read_text(details / "index") in (None, "0") and not name.startswith(NO_CAMERAS):
            found.append(Node(path, name, _group(path), os.access(path, os.R_OK | os.W_OK, effective_ids=True)))
    return found


def _group(path: Path) -> str | None:
    try:
        return grp.getgrgid(path.stat().st_gid).gr_name
    except (KeyError, OSError):
        return None


def libcamera_cameras() -> list[str] | None:
    """The sensors that `rpicam-hello --list-cameras` lists; None if there is no such program."""
    program = next((path for name in LISTERS if (path := shutil.which(name))), None)
    if program is None:
        return None
    try:
        done = subprocess.run([program, "--list-cameras"], capture_output=True, text=True, timeout=PATIENCE_S)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return re.findall(r"^\s*\d+ : (\S+) \[", done.stdout, re.MULTILINE)


def findings(root: Path = HERE) -> list[Finding]:
    """One finding per camera, or one that there is none."""
    there = nodes(root)
    usb = [_usb(node) for node in there if not node.name.startswith(RIBBON)]
    found = [*_ribbon(any(node.name.startswith(RIBBON) for node in there)), *usb]
    return found or [Finding("note", "camera", "none found", "plug one in, or use --source test")]


def _ribbon(has_receiver: bool) -> list[Finding]:
    cameras = libcamera_cameras()
    if cameras:
        return [Finding("ok", "camera", f"{name} (libcamera): --source picamera2") for name in cameras]
    if not has_receiver:
        return []
    if cameras is None:
        advice = "sudo apt install rpicam-apps python3-picamera2, then --source picamera2; OpenCV can't open it"
        return [Finding("note", "camera", "a camera on the ribbon cable, but no libcamera to use it", advice)]
    return [Finding("note", "camera", "libcamera finds none on the ribbon cable", "check that the cable is firmly in")]


def _usb(node: Node) -> Finding:
    found = f"{node.path}: {node.name}"
    if node.is_open_to_us:
        return Finding("ok", "camera", found)
    # Never advise anybody to join root's group.
    group = node.group if node.group not in (None, "root") else "video"
    advice = f"it belongs to the group {group}: sudo usermod -aG {group} $USER, and log in again"
    return Finding("problem", "camera", f"{found}; no permission to use it", advice)
