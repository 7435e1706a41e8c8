"""PyTorch's format before 1.6, written here as torch.save wrote it; what is no table of weights is refused."""

import io
import pickle
import struct
import sys
import types
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from train.backbones import torch_file
from train.backbones.torch_file import TorchFileError


class Storage:
    """Stands for a storage while it is pickled: a persistent id."""

    def __init__(self, key: str, numbers: np.ndarray[Any, Any]) -> None:
        self.key, self.numbers = key, numbers


class Tensor:
    def __init__(self, storage: Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
        self.arguments: tuple[object, ...] = (storage, offset, shape, strides, False, OrderedDict())

    def __reduce__(self) -> Any:
        return sys.modules["torch._utils"]._rebuild_tensor_v2, self.arguments


@pytest.fixture
def torch(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """The names that a file of weights refers to; pickle wants to find them when it writes."""
    module, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")

    def _rebuild_tensor_v2() -> None: ...

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2  # type: ignore[attr-defined]
    for name in torch_file.STORAGES:
        setattr(module, name, type(name, (), {"__module__": "torch"}))
    monkeypatch.setitem(sys.modules, "torch", module)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)
    return module


def written(torch: types.ModuleType, state: Any, storages: list[Storage], magic: int = torch_file.MAGIC) -> bytes:
    class Pickler(pickle.Pickler):
        def persistent_id(self, thing: object) -> Any:
            if not isinstance(thing, Storage):
                return None
            kind = torch.LongStorage if thing.numbers.dtype == np.int64 else torch.FloatStorage
            return ("storage", kind, thing.key, "cpu", len(thing.numbers), None)

    file = io.BytesIO()
    for part in (magic, 1001, {"little_endian": True, "protocol_version": 1001, "type_sizes": {}}, state):
        Pickler(file, 2).dump(part)
    Pickler(file, 2).dump([storage.key for storage in storages])
    for storage in storages:
        file.write(struct.pack("<q", len(storage.numbers)) + storage.numbers.tobytes())
    return file.getvalue()


@pytest.fixture
def weights(torch: types.ModuleType) -> bytes:
    kernel, counter = Storage("1", np.arange(24, dtype=np.float32)), Storage("2", np.array([7], np.int64))
    state = OrderedDict(
        kernel=Tensor(kernel, 0, (4, 6), (6, 1)),
        transposed=Tensor(kernel, 0, (6, 4), (1, 6)),
        part=Tensor(kernel, 20, (2, 2), (2, 1)),
        count=Tensor(counter, 0, (), ()),
    )
    return written(torch, state, [kernel, counter])


def read(tmp_path: Path, data: bytes) -> dict[str, np.ndarray[Any, Any]]:
    path = tmp_path / "weights.pth"
    path.write_bytes(data)
    return torch_file.read(path)


def test_shapes_strides_and_offsets(weights: bytes, tmp_path: Path) -> None:
    found = read(tmp_path, weights)
    whole = np.arange(24, dtype=np.float32).reshape(4, 6)
    np.testing.assert_array_equal(found["kernel"], whole)
    np.testing.assert_array_equal(found["transposed"], whole.T)
    np.testing.assert_array_equal(found["part"], [[20, 21], [22, 23]])
    assert found["count"] == 7 and found["count"].shape == () and list(found) == [*found]
    found["kernel"][0, 0] = 5  # of its own
    assert found["transposed"][0, 0] == 0


@pytest.mark.parametrize("end", [0, 1, 40, 200, -1, -8, -100])
def test_one_that_ends_early(weights: bytes, tmp_path: Path, end: int) -> None:
    with pytest.raises(TorchFileError, match="damaged"):
        read(tmp_path, weights[:end])


def test_no_changed_byte_ends_in_another_error(weights: bytes, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    for place in random.integers(0, len(weights), 300):
        data = bytearray(weights)
        data[place] ^= int(random.integers(1, 256))
        try:
            read(tmp_path, bytes(data))
        except TorchFileError:
            continue


def test_nothing_is_run(torch: types.ModuleType, tmp_path: Path) -> None:
    class Harmful:
        def __reduce__(self) -> Any:
            return Path.touch, (tmp_path / "run",)

    with pytest.raises(TorchFileError, match="asks for"):
        read(tmp_path, written(torch, Harmful(), []))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("tensor", [(20, (2, 3), (3, 1)), (0, (4, 7), (6, 1)), (-1, (1,), (1,)), (0, (2,), (-1,))])
def test_one_outside_of_its_storage(torch: types.ModuleType, tmp_path: Path, tensor: Any) -> None:
    storage = Storage("1", np.zeros(24, np.float32))
    with pytest.raises(TorchFileError, match="outside its storage"):
        read(tmp_path, written(torch, {"kernel": Tensor(storage, *tensor)}, [storage]))


@pytest.mark.parametrize("data", [b"PK\x03\x04 a newer file", b"\x89PNG", b"hello"])
def test_other_files(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(TorchFileError):
        read(tmp_path, data)


def test_another_pickle(torch: types.ModuleType, tmp_path: Path) -> None:
    with pytest.raises(TorchFileError, match="another magic number"):
        read(tmp_path, written(torch, {}, [], magic=5))
