"""How a rescue is said: what was tried, what the chosen file does on test images, and whether that is good enough."""

from device import command, text
from device.evaluation.exports import PLAIN, Rescue
from export.cost import limit


def lines(done: Rescue) -> list[str]:
    """All that was tried, a row each; what the chosen file does on test images."""
    header = ("rescue", "size", "p50 ms", "to plain", "drop, points", "95 %", "lost", "won", "error", "")
    rows = [
        (
            step.means,
            text.size(step.network_bytes),
            text.milliseconds(step.latency_ms),
            text.ratio(step.latency_ratio),
            f"{100 * step.drop:.2f}",
            "{:.2f} to {:.2f}".format(*(100 * end for end in step.drop_interval)),
            str(step.lost),
            str(step.won),
            "-" if step.mean_error is None else f"{step.mean_error:.2g}",
            "chosen" if step.is_chosen else "front" if step.is_on_front else "",
        )
        for step in done.steps
    ]
    note = (
        f"on {done.steps[0].n} images ({done.split}); error: the mean difference of a score from float32's; front: no"
        " other is both faster and better"
    )
    return [*text.table(header, rows), note, _on_test(done)]


def _on_test(done: Rescue) -> str:
    seen = done.comparison
    if seen.drop is None or seen.drop_interval is None:
        return f"chosen, on {seen.n} images ({seen.split}): {text.percent(seen.agreement)} agreement"
    lost = text.points(seen.drop, seen.drop_interval, 2, " points")
    return f"chosen, on {seen.n} images ({seen.split}): loses {lost}"


def verdict(done: Rescue) -> int:
    """GOOD, FAILED or INCONCLUSIVE: by what the chosen file loses on test images; FAILED where it was not kept."""
    if done.file is None and any(step.is_chosen and step.means != PLAIN for step in done.steps):
        return command.FAILED
    return limit.EXIT_CODES[limit.of_rescue(done, done.max_drop).is_within]
