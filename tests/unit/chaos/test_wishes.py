"""People at the console: who is not answered asks again under the same key, who is refused drops it."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from tests.chaos import wishes
from tests.chaos.wishes import Wishes

TAKEN = httpx.Response(202, json={"event_id": "e1"})
REFUSED = httpx.Response(409, json={"detail": "it is over"})
AWAY = httpx.Response(503)
Answer = httpx.Response | type[httpx.TransportError]


class Console(httpx.AsyncBaseTransport):
    """Gives these answers, one after the other."""

    def __init__(self, *answers: Answer) -> None:
        self.answers, self.asked = list(answers), list[httpx.Request]()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, httpx.Response):
            return answer
        raise answer("nobody is there")

    def desk(self, seconds: float = 60.0) -> Wishes:
        return Wishes(httpx.AsyncClient(base_url="http://console", transport=self), time.monotonic() + seconds)


def jobs(*runs: dict[str, Any]) -> httpx.Response:
    known = {"parent_id": None, "finished_at": None, "waiting_for": ""}
    return httpx.Response(200, json={"jobs": [{**known, **run} for run in runs], "next": None})


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wishes, "_LOOK", 0.0)


@pytest.mark.parametrize(
    ("answers", "taken"),
    [
        ([TAKEN], True),
        ([httpx.ReadTimeout, AWAY, httpx.RemoteProtocolError, TAKEN], True),
        ([httpx.ConnectError, REFUSED], False),
    ],
)
async def test_a_wish_is_asked_again_under_its_key_until_it_is_answered(answers: Sequence[Answer], taken: bool) -> None:
    console = Console(*answers)
    desk = console.desk()
    assert await desk.ask("run-1", "pause", "acme/shop#1 pause") is taken
    assert {request.headers["idempotency-key"] for request in console.asked} == {"acme/shop#1 pause"}
    assert {request.url.path for request in console.asked} == {"/workflow-queue/jobs/run-1/pause"}
    assert not console.answers
    assert dict(desk.taken) == ({"acme/shop#1 pause": {"e1"}} if taken else {})


async def test_who_has_asked_often_enough_drops_it() -> None:
    console = Console(AWAY, AWAY, TAKEN)
    assert not await console.desk().ask("run-1", "cancel", "key", tries=2)
    assert console.answers == [TAKEN]


async def test_people_go_home_when_the_campaign_is_over() -> None:
    console = Console()
    desk = console.desk(seconds=0.0)
    assert not await desk.ask("run-1", "cancel", "key")
    assert await desk.open_run("s") is None
    await desk.until_it_waits("s", "run-1", "resume")
    assert console.asked == []


async def test_the_newest_run_that_is_not_over_is_waited_for_and_found() -> None:
    stage = {"id": "stage", "parent_id": "run-2"}
    over = {"id": "run-1", "finished_at": "2030-01-01T00:00:00Z"}
    async with asyncio.timeout(5):
        assert await Console(AWAY, jobs(), jobs(stage, {"id": "run-2"}, over)).desk().open_run("s") == "run-2"
        assert await Console(jobs(over)).desk().open_run("s") is None


@pytest.mark.parametrize("seen", [{"waiting_for": "resume"}, {"finished_at": "2030-01-01T00:00:00Z"}])
async def test_a_pause_is_waited_for_until_it_is_seen_or_the_run_is_over(seen: dict[str, str]) -> None:
    console = Console(jobs({"id": "run-1"}), AWAY, jobs({"id": "run-1", **seen}))
    async with asyncio.timeout(5):
        await console.desk().until_it_waits("s", "run-1", "resume")
    assert not console.answers
