"""What a camera's faults cost: float32 and int8 on the same corrupted test images. A part of export.json."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CorruptedAccuracy:
    """Both files on n images with one corruption, at a severity from 1 to 5.

    float32, int8: top-1, 0 to 1, with its 95 % Wilson interval. drop: the accuracy that int8 loses to float32, with its
    paired 95 % interval (device/evaluation/paired.py).
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
    """All corruptions of the same n images of a split, drawn by the seed.

    parameters: the benchmark that defines the severities. larger_than_input: how many times larger than the network's
    input the images were when they were corrupted, at most. clean: the same images without corruption. drop: the mean
    over all rows of the accuracy that int8 loses; more_than_clean: the same minus the drop on clean images; both with a
    95 % interval over images, because all rows have the same ones.
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
