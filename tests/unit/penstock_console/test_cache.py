"""Forgetting what was kept of configurations, through the API and by `penstock config`."""

import io
import logging
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from prometheus_client import CollectorRegistry

from penstock.cli import main
from penstock.operating.configurations import forget
from penstock.operating.console import Console
from penstock.operating.errors import NotAdmitted
from penstock_console.api import build_app
from penstock_console.handler import Desk
from penstock_console.tokens import Tokens
from penstock_contracts.codec import Codec
from penstock_runtime.clock import ManualClock
from penstock_runtime.metrics import Metrics
from penstock_store.cache import CacheName, CachePlace
from penstock_store.memory.store import MemoryStore

SHOP = CachePlace(CacheName.CONFIGURATION, "k1", "acme", "acme/shop")
BLOG = CachePlace(CacheName.CONFIGURATION, "k2", "acme", "acme/blog")
ANSWER = CachePlace(CacheName.ANSWERS, "k1", "acme", "acme/shop")
PATH = "/workflow-queue/cache"


class Place:
    """The API with something in its cache, and what it counts."""

    def __init__(self) -> None:
        self.store = MemoryStore(ManualClock())
        self.metrics = Metrics(CollectorRegistry())
        app = build_app(Desk(self.store, Codec()), Tokens.read("alice s3cret"), self.metrics)
        self.transport = httpx.ASGITransport(app)

    async def filled(self) -> "Place":
        for place in (SHOP, BLOG, ANSWER):
            await self.store.cache.claim(place, "t", timedelta(minutes=1))
            await self.store.cache.put(place, "t", b"v", timedelta(minutes=5), 100)
        return self

    async def kept(self) -> list[bool]:
        return [await self.store.cache.get(place) is not None for place in (SHOP, BLOG, ANSWER)]

    def client(self, token: str = "s3cret") -> httpx.AsyncClient:
        headers = {"authorization": f"Bearer {token}"}
        return httpx.AsyncClient(transport=self.transport, base_url="http://console.test", headers=headers)


@pytest.fixture
async def place() -> Place:
    return await Place().filled()


@pytest.fixture
async def api(place: Place) -> AsyncIterator[httpx.AsyncClient]:
    async with place.client() as client:
        yield client


async def test_a_repository_s_configuration_is_forgotten_and_counted_and_said_by_whom(
    place: Place, api: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "penstock_console.forgetting"):
        answer = await api.delete(PATH, params={"repository": "acme/shop"})

    assert answer.json() == {"organisation": "", "repository": "acme/shop", "entries": 1, "actor": "alice"}
    assert await place.kept() == [False, True, True]
    labels = {"cache": "configuration", "result": "invalidation"}
    assert place.metrics.registry.get_sample_value("cache_operations_total", labels) == 1
    (record,) = caplog.records
    assert vars(record)["actor"] == "alice"
    assert vars(record)["repository"] == "acme/shop"


async def test_an_organisation_s_are_forgotten_together_and_no_answer_of_a_model(
    place: Place, api: httpx.AsyncClient
) -> None:
    answer = await api.delete(PATH, params={"organisation": "acme"})
    assert answer.json()["entries"] == 2
    assert await place.kept() == [False, False, True]


@pytest.mark.parametrize("query", [{}, {"organisation": "acme", "repository": "acme/shop"}])
async def test_one_of_the_two_has_to_be_named(place: Place, api: httpx.AsyncClient, query: dict[str, str]) -> None:
    answer = await api.delete(PATH, params=query)
    assert (answer.status_code, answer.json()["detail"]) == (422, "name an organisation or a repository")
    assert await place.kept() == [True, True, True]


async def test_without_a_token_nothing_is_forgotten(place: Place) -> None:
    async with place.client("wrong") as stranger:
        assert (await stranger.delete(PATH, params={"organisation": "acme"})).status_code == 401
    assert await place.kept() == [True, True, True]


async def test_while_the_store_is_away_it_is_said(place: Place, api: httpx.AsyncClient) -> None:
    place.store.go_away()
    assert (await api.delete(PATH, params={"organisation": "acme"})).status_code == 503


async def test_the_command_forgets_and_says_how_many(place: Place) -> None:
    out = io.StringIO()
    async with Console("http://console.test", "s3cret", place.transport) as console:
        assert await forget({"repository": "acme/shop"}, console, out) == 0
        assert await forget({"organisation": "acme"}, console, out, as_json=True) == 0
    first, *rest = out.getvalue().splitlines()
    assert first == "forgot 1 configuration of acme/shop: the next review reads anew"
    assert '  "entries": 1,' in rest
    assert await place.kept() == [False, False, True]


async def test_the_command_says_what_it_means_that_nothing_was_kept(place: Place) -> None:
    out = io.StringIO()
    async with Console("http://console.test", "s3cret", place.transport) as console:
        assert await forget({"repository": "acme/shoop"}, console, out) == 0
    assert out.getvalue().startswith("nothing was kept of acme/shoop: ")
    assert "`penstock jobs`" in out.getvalue()


async def test_the_command_is_refused_without_the_right_token(place: Place) -> None:
    async with Console("http://console.test", "wrong", place.transport) as console:
        with pytest.raises(NotAdmitted):
            await forget({"repository": "acme/shop"}, console, io.StringIO())


@pytest.mark.parametrize(
    "arguments", [["forget"], ["forget", "--repository", "a/b", "--organisation", "a"], ["remember"]]
)
def test_a_command_line_that_says_too_little_or_too_much_ends_with_two(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["config", *arguments])
    assert ended.value.code == 2


def test_where_nobody_answers_the_command_ends_with_three(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "forget", "--repository", "a/b", "--url", "http://127.0.0.1:1"]) == 3
    assert "no jobs API answers" in capsys.readouterr().err
