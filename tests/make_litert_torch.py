"""Makes tests/models/litert_torch: a small network of PyTorch's as litert-torch converts it, and PyTorch's own scores.

    pip install litert-torch opencv-python-headless        in an environment of its own: PyTorch comes with it
    python -m tests.make_litert_torch

model.tflite is converted as docs/exporting.md says; scores.npy has the logits that PyTorch computes for six drawn
images.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from device.images.images import preprocess
from tests import drawing

FOLDER = Path(__file__).parent / "models/litert_torch"
SIZE = (32, 32)
# torchvision's, of pixels 0..1.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def network(torch: Any) -> Any:
    """Logits; padded and depthwise convolutions, batch normalization, ReLU6: as torchvision's networks have them."""
    nn = torch.nn
    return nn.Sequential(
        *(nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU()),
        *(nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False), nn.BatchNorm2d(8), nn.ReLU6()),
        *(nn.Conv2d(8, 16, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU6()),
        *(nn.Conv2d(16, 24, 3, stride=2, padding=1), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, len(drawing.LABELS))),
    )


def fed(count: int, seed: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Drawn images as the network takes them, n x 3 x height x width, and their labels."""
    drawn = drawing.shapes(count, seed)
    pixels = np.stack([preprocess(image, SIZE, "crop") for _, image in drawn]).astype(np.float32) / 255
    scaled = ((pixels - np.array(MEAN, np.float32)) / np.array(STD, np.float32)).transpose(0, 3, 1, 2)
    return np.ascontiguousarray(scaled), np.array([drawing.LABELS.index(label) for label, _ in drawn])


def taught(torch: Any, model: Any) -> Any:
    images, targets = map(torch.from_numpy, fed(300, 1))
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(30):
        for rows in torch.randperm(len(images)).split(30):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(images[rows]), targets[rows]).backward()
            optimizer.step()
    return model.eval()


def main() -> None:
    import litert_torch
    import torch

    torch.manual_seed(1)
    FOLDER.mkdir(parents=True, exist_ok=True)
    model = taught(torch, network(torch))
    images, _ = fed(6, 5)
    with torch.no_grad():
        np.save(FOLDER / "scores.npy", model(torch.from_numpy(images)).numpy())
    model = litert_torch.to_channel_last_io(model, args=[0])
    litert_torch.convert(model, (torch.zeros(1, *SIZE, 3),)).export(str(FOLDER / "model.tflite"))


if __name__ == "__main__":
    main()
