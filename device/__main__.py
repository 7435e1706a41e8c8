"""python -m device classify MODEL IMAGE|DIR…      labels for images
python -m device explain MODEL IMAGE [-o FILE.png]  which places of an image speak for its label
python -m device live [MODEL] --source SOURCE      labels for a camera's frames, live
python -m device check MODEL [--data DIR]          does it predict here what it did at export, and why not
python -m device doctor [MODEL]                    what this machine has, what is wrong, and how to fix it
python -m device info MODEL                        what is in a model file
"""

import argparse
from pathlib import Path

from device import command
from device.commands import options


def parser() -> argparse.ArgumentParser:
    top = options.Parser(prog=command.program("device"), description="Images to labels, with a .tflite file.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    classify = commands.add_parser("classify", help="labels for images, or for every image in a folder")
    classify.add_argument("model", type=options.file, metavar="MODEL", help="a .tflite file")
    classify.add_argument(
        "source", type=options.file, nargs="+", metavar="IMAGE|DIR", help="image files or folders of them"
    )
    labels = options.whole_number(1, 1_000_000)
    classify.add_argument("--top-k", type=labels, default=5, metavar="N", help="labels per image (default 5)")
    options.add_threads(classify)
    classify.add_argument("--json", metavar="FILE|-", help="one line of JSON per image; - for stdout")
    options.add_overrides(classify, "for a third-party file, which has no card")
    options.add_runtime(classify)

    explain = commands.add_parser("explain", help="which places of an image speak for its label")
    explain.add_argument("model", type=options.file, metavar="MODEL", help="a .tflite file")
    explain.add_argument("image", type=options.file, metavar="IMAGE", help="an image file")
    explain.add_argument("-o", "--overlay", type=Path, metavar="FILE.png", help="the maps as heat over the image")
    explain.add_argument("--label", metavar="NAME", help="explain this label too, such as the right one")
    options.add_threads(explain)
    explain.add_argument("--json", metavar="FILE|-", help="scores and maps as JSON; - for stdout")
    options.add_overrides(explain, "for a third-party file, which has no card")
    options.add_runtime(explain)

    commands.add_parser("live", help="labels for a camera's frames, live", fill=_add_live_options)

    check = commands.add_parser("check", help="does a file predict here what it did at export, and why not")
    check.add_argument("model", type=Path, metavar="MODEL", help="a .tflite file")
    check.add_argument(
        "--data", metavar="DIR|NAME", help="labeled images: would another preprocessing get more of them right?"
    )
    options.add_threads(check)
    check.add_argument("--json", metavar="FILE|-", help="the result as JSON; - for stdout")
    options.add_overrides(check, "for a third-party file, which has no card")
    options.add_runtime(check)

    doctor = commands.add_parser("doctor", help="what this machine has, what is wrong, and how to fix it")
    doctor.add_argument("model", type=Path, nargs="?", metavar="MODEL", help="a .tflite file to try out here")
    doctor.add_argument("--json", metavar="FILE|-", help="the findings as JSON; - for stdout")
    options.add_size(doctor)
    options.add_runtime(doctor)

    info = commands.add_parser("info", help="what is in a model file")
    info.add_argument("model", type=Path, metavar="MODEL", help="a .tflite file")
    info.add_argument("--json", metavar="FILE|-", help="the whole card as JSON; - for stdout")
    options.add_size(info)
    options.add_runtime(info)
    return top


def _add_live_options(live: argparse.ArgumentParser) -> None:
    from device.live import options as live_options

    live_options.add(live)


def main() -> int:
    given = parser().parse_args()
    # numpy and OpenCV are imported from here on, after --help and wrong options are dealt with.
    if given.command == "info":
        from device.commands import info

        return info.run(given.model, given.runtime, given.json, given.size)
    if given.command == "live":
        from device.live import options as live_options

        request = live_options.request(given)
        from device.live import live

        return live.run(request)
    if given.command == "check":
        from device.check import check

        overrides = options.overrides(given)
        return check.run(
            check.CheckRequest(given.model, overrides, given.data, given.threads, given.runtime, given.json)
        )
    if given.command == "doctor":
        from device.doctor import doctor

        return doctor.run(doctor.DoctorRequest(given.model, given.runtime, given.json, given.size))
    if given.command == "explain":
        from device.commands import explain

        return explain.run(
            explain.ExplainRequest(
                given.model,
                given.image,
                options.overrides(given),
                given.label,
                given.overlay,
                given.threads,
                given.runtime,
                given.json,
            )
        )
    from device.commands import classify

    return classify.run(
        classify.ClassifyRequest(
            given.model,
            tuple(given.source),
            options.overrides(given),
            given.top_k,
            given.threads,
            given.runtime,
            given.json,
        )
    )


if __name__ == "__main__":
    command.run(main)
