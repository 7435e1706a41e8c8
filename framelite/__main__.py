"""framelite COMMAND …: one command for the four packages, also `python -m framelite`.

Each hands over to its package: `framelite classify` is `python -m device classify`, with the same arguments and exit
codes.
"""

import argparse
import runpy
import sys
from dataclasses import dataclass

import device


@dataclass(frozen=True)
class PackageCommand:
    """A subcommand. package: the package that has it; is_part: one of several commands of that package."""

    package: str
    help: str
    is_part: bool = False


COMMANDS = {
    "train": PackageCommand("train", "a folder of images, or a data set by name, to a Keras model"),
    "export": PackageCommand("export", "a trained model to .tflite variants, each checked against its source"),
    "classify": PackageCommand("device", "labels of images, or of every image in a folder", is_part=True),
    "explain": PackageCommand("device", "which places of an image speak for its label", is_part=True),
    "live": PackageCommand("device", "labels of a camera's frames, live", is_part=True),
    "check": PackageCommand(
        "device", "whether a file gives the same predictions here as at export, and why not", is_part=True
    ),
    "doctor": PackageCommand("device", "what this machine has, what is missing, and what to do", is_part=True),
    "info": PackageCommand("device", "what a model file says about itself", is_part=True),
    "benchmark": PackageCommand("benchmarks", "latency and accuracy: measure, compare, gate, report"),
}


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="framelite",
        description="From a folder of images to a classifier that runs on a camera board.",
        epilog="framelite COMMAND --help describes each command.",
    )
    top.add_argument("--version", action="version", version=f"framelite {device.__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        commands.add_parser(name, help=command.help, add_help=False)
    return top


def main() -> None:
    """Runs a package's own command, which ends the process with its exit code."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in COMMANDS:
        parser().parse_args()  # ends here: with the help, the version, or an error
    command = COMMANDS[name]
    # Usage lines start with sys.argv[0]: device/command.py, program.
    sys.argv = ["framelite", *sys.argv[1:]] if command.is_part else [f"framelite {name}", *sys.argv[2:]]
    runpy.run_module(command.package, run_name="__main__")


if __name__ == "__main__":
    main()
