"""The options of `device live`, which are many. Loads nothing heavy: wrong ones are answered at once."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from device import options
from device.errors import UserError

if TYPE_CHECKING:
    from device.live.live import Request

MODEL = "a .tflite file (default: CIFAR-10's)"
SOURCE = "0, /dev/video0, picamera2, a video, pictures, http://…, rtsp://… or test (default 0)"
SOURCE_FILE = "a file with the source in it: for an address with a password; else FRAMELITE_SOURCE"
AUTO = "the file, threads and runtime that python -m benchmarks select found fastest on this board"
THREADS = "of the interpreter (default: what is fastest here, tried for a second and kept)"
DECODE = "auto: decode an MJPEG at a part of its size where that is enough (default full)"
STILL = "open a camera anew that shows the same image for so long (default: what keeps coming is a stream)"
SMOOTH = "average the scores of the last N frames; a label then changes only when another is clearly ahead"
THRESHOLD = "a best score below it is 'unknown' (default: the card's, if it has one)"
ON_LABEL_LIMIT = "a COMMAND that runs longer is ended, with what it started (default 60)"
JSONL = "a line of JSON an answer, added to FILE; - for stdout"
CHANGES = "of --jsonl: a line only where the label changes"
EVERY = "of --jsonl: a line each so many seconds; with --jsonl-changes beside those"
SERVE = "a page with the live picture and the answers (default 127.0.0.1:8080)"
TOKEN = "what the page asks for off loopback; else FRAMELITE_TOKEN, else one that is made here and kept"
ON_LABEL = "when LABEL has held so long; COMMAND is one argument, run without a shell; may be given again"


def add(live: argparse.ArgumentParser) -> None:
    live.add_argument("model", type=options.file, nargs="?", metavar="MODEL", help=MODEL)
    live.add_argument("--auto", type=Path, metavar="RUN|FILE", help=AUTO)
    live.add_argument("--source", metavar="SOURCE", help=SOURCE)
    live.add_argument("--source-file", type=Path, metavar="FILE", help=SOURCE_FILE)
    live.add_argument("--threads", type=options.whole_number(1, options.MAX_THREADS), metavar="N", help=THREADS)
    options.add_runtime(live)
    frames = live.add_argument_group("frames")
    frames.add_argument("--capture", type=_capture, metavar="WxH", help="the size that a camera is asked for")
    frames.add_argument("--decode", choices=("auto", "full"), default="full", help=DECODE)
    frames.add_argument("--loop", action="store_true", help="of a file: begin again at its end")
    frames.add_argument("--realtime", action="store_true", help="of a video: as fast as it was taken, not faster")
    frames.add_argument("--stall-if-still", type=float, metavar="SECONDS", help=STILL)
    frames.add_argument("--frames", type=options.whole_number(1, 10**9), metavar="N", help="end after N answers")
    answers = live.add_argument_group("answers")
    answers.add_argument("--top-k", type=options.whole_number(1, 1000), default=5, metavar="N", help="labels shown")
    answers.add_argument("--smooth", type=options.whole_number(1, 1000), default=1, metavar="N", help=SMOOTH)
    answers.add_argument("--threshold", type=options.share, metavar="SCORE", help=THRESHOLD)
    answers.add_argument("--headless", action="store_true", help="no window, whatever this machine has")
    answers.add_argument("--jsonl", metavar="FILE|-", help=JSONL)
    answers.add_argument("--jsonl-changes", action="store_true", help=CHANGES)
    answers.add_argument("--jsonl-every", type=float, metavar="SECONDS", help=EVERY)
    rule = ("LABEL:SECONDS", "COMMAND")
    answers.add_argument("--on-label", nargs=2, action="append", default=[], metavar=rule, help=ON_LABEL)
    answers.add_argument("--on-label-limit", type=float, metavar="SECONDS", help=ON_LABEL_LIMIT)
    answers.add_argument("--serve", nargs="?", const="127.0.0.1:8080", metavar="HOST:PORT", help=SERVE)
    answers.add_argument("--token-file", type=Path, metavar="FILE", help=TOKEN)
    broker = live.add_argument_group("an MQTT broker")
    broker.add_argument("--mqtt", metavar="HOST[:PORT]", help="tell it the labels; Home Assistant finds them there")
    broker.add_argument("--mqtt-name", metavar="NAME", help="in the topics framelite/NAME/… (default: the machine's)")
    broker.add_argument("--mqtt-user", metavar="NAME", help="the password: --mqtt-password-file, or in the environment")
    broker.add_argument("--mqtt-password-file", type=Path, metavar="FILE", help="else FRAMELITE_MQTT_PASSWORD")
    broker.add_argument("--mqtt-tls", action="store_true", help="TLS, trusting the system's authorities (port 8883)")
    broker.add_argument("--mqtt-ca", type=Path, metavar="FILE", help="TLS, trusting this authority alone")
    options.add_hints(live, "for a third-party file, which has no card")


def request(given: argparse.Namespace) -> "Request":
    from device.live import on_label, sources
    from device.live.live import Request
    from device.live.outputs import Wanted

    limit_s = on_label.LIMIT_S
    if given.on_label_limit is not None:
        if not given.on_label:
            raise UserError("--on-label-limit was given without --on-label; give that too, or leave it out")
        limit_s = given.on_label_limit
        options.check_seconds("--on-label-limit", limit_s)
    rules = tuple(on_label.parse(held, words, limit_s) for held, words in given.on_label)
    mqtt = ("mqtt", "mqtt_name", "mqtt_user", "mqtt_password_file", "mqtt_tls", "mqtt_ca")
    names = ("headless", "jsonl", "jsonl_changes", "jsonl_every", "serve", "token_file", *mqtt)
    wanted = Wanted(**{name: getattr(given, name) for name in names}, on_label=rules)
    if given.stall_if_still is not None:
        options.check_seconds("--stall-if-still", given.stall_if_still)
    if given.jsonl_every is not None:
        options.check_seconds("--jsonl-every", given.jsonl_every)
    same = ("model", "runtime", "threads", "top_k", "smooth", "threshold", "capture", "loop", "realtime")
    fields = {name: getattr(given, name) for name in (*same, "stall_if_still", "frames")} | _selected(given)
    fields["source"] = sources.given(given.source, given.source_file)
    return Request(**fields, hints=options.hints(given), reduced=given.decode == "auto", outputs=wanted)


def _selected(given: argparse.Namespace) -> dict[str, Any]:
    """What --auto puts in the place of MODEL, --threads and --runtime; UserError where one of these is given too."""
    if given.auto is None:
        return {}
    from device.live import selection

    named = {"a MODEL": given.model, "--threads": given.threads, "--runtime": given.runtime}
    if too_much := [name for name, value in named.items() if value is not None]:
        raise UserError(f"--auto says which model, threads and runtime; {too_much[0]} is given too; leave one out")
    found = selection.read(given.auto)
    return {"model": found.path, "threads": found.threads, "runtime": found.runtime}


def _capture(text: str) -> tuple[int, int]:
    width, x, height = text.partition("x")
    if not (x and width.isdigit() and height.isdigit() and 0 < int(width) <= 16384 and 0 < int(height) <= 16384):
        raise argparse.ArgumentTypeError(f"{text} is not WIDTHxHEIGHT, such as 640x480")
    return int(width), int(height)
