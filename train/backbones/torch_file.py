"""Reads the tensors of a PyTorch file in the format before 1.6 (torch.save's legacy format), without PyTorch.

Such a file is a row of pickles: a magic number, a protocol version, the writer's integer sizes, the object that was
saved, and the names of its storages; then each storage's number of elements, as an int64, and its numbers
(https://github.com/pytorch/pytorch/blob/main/torch/serialization.py, _legacy_save). A pickle can run code, so this
looks up only the few names that a state dict needs.
"""

import pickle
import struct
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

MAGIC = 0x1950A86A20F9469CFC6C
STORAGES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class TorchFileError(Exception):
    """The file has another format, or is damaged; the message says what is wrong."""


@dataclass(frozen=True)
class _Tensor:
    """The place of a tensor's numbers: in a storage, from an offset on, with strides in elements."""

    storage: str
    dtype: npt.DTypeLike
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def of(self, numbers: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A copy of the tensor. The strides matter: a transposed kernel is stored untransposed."""
        last = self.offset + sum(stride * (side - 1) for side, stride in zip(self.shape, self.strides, strict=True))
        if min((self.offset, *self.strides)) < 0 or last >= len(numbers):
            raise ValueError(f"a tensor of {self.shape} lies outside its storage of {len(numbers)} numbers")
        strides = [stride * numbers.itemsize for stride in self.strides]
        return np.lib.stride_tricks.as_strided(numbers[self.offset :], self.shape, strides, writeable=False).copy()


def _tensor(storage: tuple[str, npt.DTypeLike], offset: int, shape: Any, strides: Any, *_: Any) -> _Tensor:
    """Replaces torch._utils._rebuild_tensor_v2."""
    return _Tensor(*storage, int(offset), tuple(map(int, shape)), tuple(map(int, strides)))


class _StateDict(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no table of weights needs")

    def persistent_load(self, pid: Any) -> tuple[str, npt.DTypeLike]:
        """pid: ('storage', type, key, device, number of elements, view)."""
        kind, dtype, key = pid[:3]
        if kind != "storage":
            raise pickle.UnpicklingError(f"it refers to a {kind!r}")
        return str(key), dtype


def read(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Every tensor by name, as copies. TorchFileError if it isn't such a file, or is incomplete."""
    with path.open("rb") as file:
        try:
            if _StateDict(file).load() != MAGIC:
                raise ValueError("another magic number")
            _version, sizes = _StateDict(file).load(), _StateDict(file).load()
            if not sizes["little_endian"]:
                raise ValueError("its numbers are big-endian")
            tensors = _StateDict(file).load()
            types = {tensor.storage: tensor.dtype for tensor in tensors.values()}
            storages = {str(key): _storage(file, types[str(key)]) for key in _StateDict(file).load()}
            return {str(name): tensor.of(storages[tensor.storage]) for name, tensor in tensors.items()}
        except Exception as error:  # a damaged pickle may raise anything
            raise TorchFileError(f"no table of weights in PyTorch's format before 1.6, or damaged ({error})") from None


def _storage(file: BinaryIO, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    (count,) = struct.unpack("<q", file.read(8))
    numbers = np.fromfile(file, dtype, count)
    if len(numbers) != count:
        raise ValueError(f"it ends within a storage of {count} numbers")
    return numbers
