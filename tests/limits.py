"""Other numbers in the place of a module's own, so that a test needn't wait for seconds, nor make gigabytes."""

from types import ModuleType

import pytest


def limits(monkeypatch: pytest.MonkeyPatch, module: ModuleType, **numbers: float) -> None:
    """For the length of a test: limits(monkeypatch, reader, STALL_S=0.2)."""
    for name, number in numbers.items():
        assert isinstance(getattr(module, name), int | float), name
        monkeypatch.setattr(module, name, number)
