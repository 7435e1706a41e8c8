"""Numbers for all of a pixel's channels, or for red, green and blue each: a network's mean and std."""

from collections.abc import Sequence

Channels = float | tuple[float, float, float]


def each(value: Channels) -> tuple[float, float, float]:
    """For red, green and blue."""
    return value if isinstance(value, tuple) else (value, value, value)


def of(red: float, green: float, blue: float) -> Channels:
    """One number if the three are equal, else all three."""
    return red if red == green == blue else (red, green, blue)


def parse(text: str) -> Channels:
    """`127.5`, or `123.7,116.3,103.5` for red, green and blue. ValueError for anything else."""
    numbers = [float(part) for part in text.split(",")]
    if len(numbers) not in (1, 3):
        raise ValueError(f"{len(numbers)} numbers, expected one or three")
    return of(*numbers) if len(numbers) == 3 else numbers[0]


def text(value: Channels | Sequence[float]) -> str:
    """The text that `parse` reads."""
    return ",".join(f"{one:g}" for one in (value if isinstance(value, Sequence) else (value,)))
