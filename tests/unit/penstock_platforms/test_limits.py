"""Calls to platforms are limited as all calls to others are."""

from penstock_platforms.github.client import GitHub
from penstock_platforms.limits import Limits
from penstock_platforms.outgoing import limits_of, settings_of
from penstock_runtime.calls import OutgoingSettings


def test_the_defaults_are_those_of_every_other_client() -> None:
    assert limits_of(OutgoingSettings()) == Limits()
    assert settings_of(Limits()) == OutgoingSettings()


def test_what_is_set_for_calls_to_others_holds_for_platforms() -> None:
    settings = OutgoingSettings(
        connections=7, idle_connections=3, idle_seconds=2.0, call_seconds=4.0, total_seconds=9.0
    )
    limits = limits_of(settings)
    assert (limits.connections, limits.idle_connections, limits.idle) == (7, 3, 2.0)
    assert (limits.call, limits.total) == (4.0, 9.0)


async def test_a_client_is_one_pool_with_these_limits() -> None:
    client = GitHub.connect("token", limits=Limits(call=4.0, connect=1.0))
    assert client.connection.client.timeout.read == 4.0
    assert client.connection.client.timeout.connect == 1.0
    await client.aclose()
