"""How others are called. Apart from outgoing.py, which loads an HTTP client that not everybody here needs."""

from __future__ import annotations

from dataclasses import dataclass

from penstock_runtime import parsers
from penstock_runtime.settings import setting


@dataclass(frozen=True, slots=True)
class OutgoingSettings:
    """How we call others."""

    connections: int = setting(
        "PENSTOCK_HTTP_CONNECTIONS", parsers.whole(1, 10_000), 50, about="open connections of one client at most"
    )
    idle_connections: int = setting(
        "PENSTOCK_HTTP_IDLE_CONNECTIONS", parsers.whole(0, 10_000), 10, about="connections kept for the next request"
    )
    idle_seconds: float = setting(
        "PENSTOCK_HTTP_IDLE_TIMEOUT", parsers.duration("0"), 30.0, about="how long an unused connection is kept"
    )
    call_seconds: float = setting(
        "PENSTOCK_HTTP_CALL_TIMEOUT",
        parsers.duration("1s"),
        30.0,
        about="longest silence of the other side in a request",
    )
    total_seconds: float = setting(
        "PENSTOCK_HTTP_TOTAL_TIMEOUT",
        parsers.duration("1s"),
        60.0,
        about="longest time of a request, redirects included",
    )
