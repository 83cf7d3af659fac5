"""How often Python looks for garbage."""

import gc

import pytest

from penstock_runtime import collecting


def test_a_service_looks_for_garbage_less_often_than_python_does_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, ...]] = []
    monkeypatch.setattr(gc, "set_threshold", lambda *numbers: asked.append(numbers))
    collecting.collect_rarely()
    ((young, middle, old),) = asked
    assert young * middle * old > 700 * 10 * 10
