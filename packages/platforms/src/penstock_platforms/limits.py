"""How much an outgoing connection may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds, connections, bytes and pages. `call` bounds a silence of the other side, `total` a whole request with
    its answer."""

    connect: float = 5.0
    call: float = 30.0
    total: float = 60.0
    connections: int = 50
    idle_connections: int = 10
    idle: float = 30.0
    answer: int = 32 * 1024 * 1024
    pages: int = 100
