"""The limits of a platform's client and the settings of everything that calls others, each from the other. Apart from
limits.py, since ingest loads that and no HTTP client."""

from penstock_platforms.limits import Limits
from penstock_runtime.calls import OutgoingSettings


def limits_of(outgoing: OutgoingSettings) -> Limits:
    return Limits(
        call=outgoing.call_seconds,
        total=outgoing.total_seconds,
        connections=outgoing.connections,
        idle_connections=outgoing.idle_connections,
        idle=outgoing.idle_seconds,
    )


def settings_of(limits: Limits) -> OutgoingSettings:
    return OutgoingSettings(
        call_seconds=limits.call,
        total_seconds=limits.total,
        connections=limits.connections,
        idle_connections=limits.idle_connections,
        idle_seconds=limits.idle,
    )
