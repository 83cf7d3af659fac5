"""What makes runs cheaper and changes nothing that happens in them."""

import asyncio
from collections.abc import Iterable
from selectors import DefaultSelector, SelectorKey
from typing import Any

from prometheus_client import CollectorRegistry

from penstock_contracts.codec import Codec, Encoded
from penstock_contracts.event import Event
from penstock_contracts.facts import Fact
from penstock_runtime.metrics import Metrics


class RememberingCodec(Codec):
    """The same bytes are read by every group, and by the judge: what they say is known since they were written, or read
    first. That nothing changes on the way is the contract suite's to hold."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[int, tuple[object, bytes, Event[Fact]]] = {}

    def forget(self) -> None:
        """Between two runs."""
        self._known.clear()

    def encode(self, event: Event[Fact]) -> Encoded:
        encoded = super().encode(event)
        self._known[id(encoded.headers)] = (encoded.headers, encoded.value, event)
        return encoded

    def decode(self, headers: Iterable[tuple[str, bytes | None]], value: bytes | None) -> Event[Fact]:
        known = self._known.get(id(headers))
        if known is not None and known[0] is headers and known[1] is value:
            return known[2]
        event = super().decode(headers, value)
        if value is not None:
            self._known[id(headers)] = (headers, value, event)
        return event


class _Unheard:
    """Any metric."""

    def labels(self, *values: object, **named: object) -> "_Unheard":
        return self

    def inc(self, amount: float = 1) -> None: ...

    def set(self, value: float) -> None: ...

    def observe(self, amount: float) -> None: ...

    def remove(self, *values: object) -> None: ...

    def clear(self) -> None: ...


_UNHEARD = _Unheard()


class UnheardMetrics(Metrics):
    """Nobody asks for them in a simulated run."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()

    def __getattr__(self, name: str) -> Any:
        return _UNHEARD


class _BusySelector(DefaultSelector):
    """As long as there is anything to do, the kernel is not asked: in a run in memory nothing comes from there."""

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        return [] if timeout == 0 else super().select(timeout)


def loop_in_memory() -> asyncio.AbstractEventLoop:
    return asyncio.SelectorEventLoop(_BusySelector())
