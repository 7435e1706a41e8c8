"""What a camera's faults cost: float32 and int8 on the same corrupted test images, as export.json has it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CorruptedAccuracy:
    """Both files on n images with one corruption, at a severity of 1 to 5.

    float32 and int8: top-1, 0..1, each with its 95 % Wilson interval. drop: what int8 loses of float32's accuracy, with
    its paired 95 % interval (device/evaluation/paired.py).
    """

    corruption: str
    severity: int
    n: int
    float32: float
    float32_interval: tuple[float, float]
    int8: float
    int8_interval: tuple[float, float]
    drop: float
    drop_interval: tuple[float, float]


@dataclass(frozen=True)
class Robustness:
    """split, n and seed: which images, and what was drawn. parameters: the benchmark whose severities were taken.

    larger_than_input: how often the network's side went into that of the images when they were corrupted, at most; 1
    where they were of the network's size. clean: the same images as they are. drop: over all rows, the mean of what
    int8 loses; more_than_clean: that, less what it loses on the clean images; both with a 95 % interval over images,
    since each row has the same ones.
    """

    split: str
    n: int
    seed: int
    parameters: str
    larger_than_input: float
    clean: CorruptedAccuracy
    rows: tuple[CorruptedAccuracy, ...]
    drop: float
    drop_interval: tuple[float, float]
    more_than_clean: float
    more_than_clean_interval: tuple[float, float]
