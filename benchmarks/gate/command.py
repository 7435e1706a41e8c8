"""The commands `gate` and `baseline`: their options and outputs."""

import argparse
from pathlib import Path

from device import command, files
from device.commands import options
from device.errors import UserError
from device.model import model_kinds

SECONDS = 20.0
QUALIFY_S = 300.0


def add_gate(gate: argparse.ArgumentParser) -> None:
    gate.add_argument(
        "base", nargs="?", metavar="BASE", help="a model file, REF:PATH for a committed one, or a baseline"
    )
    gate.add_argument("candidate", nargs="?", type=Path, metavar="CANDIDATE", help="the model file that may be slower")
    gate.add_argument("--max-slowdown", type=options.percent, default=0.05, metavar="PERCENT", help="default 5")
    gate.add_argument("--max-drop", type=options.percent, metavar="POINTS", help="of accuracy; with --data default 1")
    gate.add_argument("--since", metavar="TAG", help="instead of BASE: the candidate's own path at that commit")
    _add_measuring(gate)
    gate.add_argument("--other-machine", action="store_true", help="accept a baseline of another machine")
    gate.add_argument(
        "--qualify", action="store_true", help="test what a gate can detect on this machine, in five minutes"
    )
    written = gate.add_argument_group("results")
    written.add_argument("--json", metavar="FILE|-", help="the outcome; - for stdout")
    written.add_argument("--history", type=Path, metavar="FILE.csv", help="append a row, for Apache Otava")
    written.add_argument("--junit", type=Path, metavar="FILE", help="as JUnit XML")
    written.add_argument("--markdown", metavar="FILE|-", help='append to FILE: --markdown "$GITHUB_STEP_SUMMARY"')
    options.add_overrides(gate, "for third-party files, which have no card, with --data")


def add_baseline(baseline: argparse.ArgumentParser) -> None:
    baseline.add_argument("model", type=Path, metavar="MODEL")
    baseline.add_argument("-o", "--into", type=Path, required=True, metavar="FILE.json")
    _add_measuring(baseline)
    options.add_overrides(baseline, "for a third-party file, which has no card, with --data")


def _add_measuring(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", metavar="NAME|DIR", help="labeled images, to gate accuracy too")
    parser.add_argument("--seconds", type=float, metavar="S", help=f"at most, for latency (default {SECONDS:g})")
    options.add_threads(parser)
    options.add_runtime(parser)


def gate(given: argparse.Namespace) -> int:
    files.check_target(given.json, "--json")
    if given.qualify:
        return _qualify(given)
    files.check_target(given.junit, "--junit")
    files.check_target(given.markdown, "--markdown")
    if given.json == given.markdown == "-":
        raise UserError("--json - and --markdown - both use stdout; give one of them a file")
    base, candidate = _ends(given)
    from benchmarks.gate import formats, history
    from benchmarks.gate import gate as gates
    from device.inference import runtime

    seconds, engine = _seconds(given.seconds, SECONDS), runtime.find(given.runtime)
    history.check(given.history)
    asked = given.max_drop is not None or given.data is not None
    limits = gates.GateLimits(given.max_slowdown, (given.max_drop or 0.01) if asked else None)
    with gates.ends(base, candidate, given.threads, engine, given.other_machine) as found:
        outcome = gates.run(found, limits, given.threads, engine, seconds, given.data, options.overrides(given))
    if "-" not in (given.json, given.markdown):
        command.show(formats.text(outcome))
    if given.markdown == "-":
        command.show(formats.markdown(outcome).splitlines())
    elif given.markdown:
        target = Path(given.markdown)
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("a", encoding="utf-8") as summary:
            summary.write(formats.markdown(outcome))
    if given.junit:
        files.write_bytes(given.junit, formats.junit(outcome))
    if given.json:
        files.deliver_json(outcome.document(), given.json)
    if given.history and not history.add(given.history, outcome):
        command.say(f"note: there is no complete ratio, so {given.history} gets no row")
    if outcome.interrupted:
        raise KeyboardInterrupt
    return outcome.code


def _ends(given: argparse.Namespace) -> tuple[str, Path]:
    """Base and candidate as given. With --since a single name is the candidate's."""
    from benchmarks.gate import committed

    if given.since is None:
        if given.candidate is None:
            raise UserError("the gate compares two models; expected BASE CANDIDATE (or --qualify alone)")
        return given.base, given.candidate
    if given.base is None:
        raise UserError(f"--since {given.since}: expected a CANDIDATE too; give its path")
    if given.candidate is not None:
        raise UserError(
            f"--since {given.since} and BASE {given.base} both give the base; give one of them, and CANDIDATE"
        )
    candidate = Path(given.base)
    model_kinds.require_tflite(candidate)
    return committed.since(given.since, candidate), candidate


def _seconds(given: float | None, default: float) -> float:
    seconds = default if given is None else given
    options.check_seconds("--seconds", seconds)
    return seconds


def _qualify(given: argparse.Namespace) -> int:
    for name, value in (
        ("BASE", given.base),
        ("--since", given.since),
        ("--history", given.history),
        ("--data", given.data),
        ("--max-drop", given.max_drop),
        ("--junit", given.junit),
        ("--markdown", given.markdown),
    ):
        if value is not None:
            raise UserError(f"--qualify gates the latency of its own networks; omit {name} {value}")
    from benchmarks import progress
    from benchmarks.documents import results
    from benchmarks.gate import qualify

    seconds = _seconds(given.seconds, QUALIFY_S)
    qualify.larger("small", given.max_slowdown)
    trials: list[qualify.Trials] = []
    interrupted, truth_s = False, qualify.TRUTH_SHARE * seconds
    with progress.bar(seconds, "qualifying", "s") as advance:
        try:
            trials = qualify.begin(given.max_slowdown, given.threads, truth_s, given.runtime)
            advance(truth_s)
            rest_s = seconds - truth_s
            for took_s in qualify.run(trials, given.max_slowdown, given.threads, SECONDS, rest_s, given.runtime):
                advance(took_s)
        except KeyboardInterrupt:
            if not trials:
                raise
            interrupted = True
    if not interrupted and not trials[-1].planted:
        raise UserError(
            f"--seconds is {seconds:g}, expected enough for a gate of each kind; give more (the default is"
            f" {QUALIFY_S:g})"
        )
    lines = qualify.lines(trials, given.max_slowdown, interrupted)
    rows = tuple(each.row() for each in trials)
    results.deliver(results.of([], interrupted), lines, given.json, qualify=rows, limit=given.max_slowdown)
    if interrupted:
        raise KeyboardInterrupt
    return command.INCONCLUSIVE if qualify.doubt(trials, given.max_slowdown) else command.GOOD


def baseline(given: argparse.Namespace) -> int:
    from benchmarks.documents import models
    from benchmarks.gate import baseline as baselines
    from benchmarks.gate import drop
    from device.inference import runtime

    model_kinds.require_tflite(given.model)
    baselines.check_name(given.into)
    files.check_target(given.into, "-o")
    (model,) = models.find_whole([given.model])
    seconds, engine = _seconds(given.seconds, SECONDS), runtime.find(given.runtime)
    right = None
    if given.data:  # first, so that errors of images or labels come at once
        right = drop.right(model, given.data, options.overrides(given), given.threads, engine.name)
    ratio, rounds = baselines.make(model, given.threads, engine, seconds, given.size)
    baselines.write(given.into, model, given.threads, engine, ratio, given.data, right)
    found = f"{ratio} of the reference workload's time, {len(rounds)} rounds"
    command.show([f"{given.into}: {given.model.name} takes {found}" + (f"; {len(right)} images" if right else "")])
    return command.GOOD
