"""An installation has one name in the keys of its pull requests, whatever its address is called."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from penstock_ingest.adapters.doors import open_doors, refuse_another_name
from penstock_platforms import registry
from penstock_platforms.instances import instance_of
from penstock_runtime.errors import SettingsError
from penstock_runtime.settings import platform_access


@dataclass(frozen=True)
class Known:
    streams: tuple[str, ...]

    async def names(self, after: str = "", limit: int = 500) -> Sequence[str]:
        return sorted(name for name in self.streams if name > after)[:limit]


async def start(streams: tuple[str, ...], **environ: str) -> str:
    """What the installation is called."""
    access = platform_access({"PENSTOCK_WEBHOOK_SECRET_GITHUB": "x", **environ})
    doors = open_doors(access, (), registry.webhook)
    await refuse_another_name(doors, access, Known(streams))
    return doors.doors["github"].instance


@pytest.mark.parametrize(
    "streams",
    [
        (),
        ("github:git.acme.example:8443:42:7",),
        ("github:github.com:1:1", "github:git.acme.example:8443:42:7", "gitlab:gitlab.com:1:1"),
        ("gitlab:gitlab.com:1:1",),
    ],
)
async def test_it_starts_where_nothing_is_stored_or_something_of_the_same_server(streams: tuple[str, ...]) -> None:
    assert await start(streams, PENSTOCK_GITHUB_URL="https://GIT.acme.example:8443/api/v3") == "git.acme.example:8443"


async def test_another_spelling_of_the_address_is_refused_with_what_to_set() -> None:
    streams = ("github:git.acme.example:42:7",)
    url = "https://git.acme-group.example/api/v3"
    with pytest.raises(
        SettingsError, match=r"PENSTOCK_GITHUB_INSTANCE=git\.acme\.example where that is the same server"
    ):
        await start(streams, PENSTOCK_GITHUB_URL=url)
    for named in ("git.acme.example", "git.acme-group.example"):
        assert await start(streams, PENSTOCK_GITHUB_URL=url, PENSTOCK_GITHUB_INSTANCE=named) == named


async def test_an_instance_is_named_by_a_host() -> None:
    with pytest.raises(SettingsError, match="PENSTOCK_GITHUB_INSTANCE"):
        await start((), PENSTOCK_GITHUB_INSTANCE="https://git.acme.example")


def test_the_usual_port_is_no_other_server() -> None:
    assert instance_of("github", "https://git.acme.example:443/api/v3") == "git.acme.example"
    assert instance_of("github", "http://git.acme.example:80/api/v3") == "git.acme.example"
    assert instance_of("github", "http://git.acme.example:443/api/v3") == "git.acme.example:443"
