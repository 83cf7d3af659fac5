"""The time that a call to a platform may take, against that of the lease under which it is made."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import httpx
import pytest
from prometheus_client import CollectorRegistry

from penstock_commenter.bootstrap import platforms_of
from penstock_commenter.settings import CommenterSettings
from penstock_contracts.facts import PullRequestRef
from penstock_platforms.errors import PlatformError
from penstock_platforms.github.client import GitHub
from penstock_runtime.calls import OutgoingSettings
from penstock_runtime.metrics import Metrics
from penstock_runtime.settings import load, platform_access

REF = PullRequestRef("github", "github.com", "1", "owner/name", 7)
TOKEN = {"PENSTOCK_GITHUB_TOKEN": "token"}


def connected(environ: Mapping[str, str], settings: CommenterSettings) -> GitHub:
    outgoing = load(OutgoingSettings, environ)
    client = platforms_of(platform_access(environ), settings, outgoing, Metrics(CollectorRegistry())).of(REF)
    assert isinstance(client, GitHub)
    return client


@pytest.mark.parametrize(
    "given", [{}, {"PENSTOCK_COMMENTER_CALL_TIMEOUT": "1s"}, {"PENSTOCK_HTTP_TOTAL_TIMEOUT": "5m"}]
)
async def test_the_client_times_out_well_before_the_lease_ends(given: Mapping[str, str]) -> None:
    environ = {**TOKEN, **given}
    settings = load(CommenterSettings, environ)
    client = connected(environ, settings)
    assert 3 * client.connection.limits.total < settings.timing.lease
    assert client.connection.limits.total <= settings.timing.call
    await client.aclose()


async def test_a_call_that_is_never_answered_ends_with_its_time() -> None:
    async def never(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError(request)

    settings = CommenterSettings(call_seconds=0.01)
    client = connected(TOKEN, settings)
    limits = client.connection.limits
    silent = GitHub.connect("token", limits=replace(limits, call=60.0), transport=httpx.MockTransport(never))
    async with asyncio.timeout(30):
        with pytest.raises(PlatformError):
            await silent.account()
    await silent.aclose()
    await client.aclose()
