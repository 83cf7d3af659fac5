"""The commenter as it is assembled from its environment: its loop on the log in memory, a forge over TCP."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from opentelemetry.trace import NoOpTracer
from prometheus_client import CollectorRegistry

from penstock_commenter.bootstrap import assemble, first_marker_key, markers_of
from penstock_commenter.settings import CommenterSettings
from penstock_contracts.codec import Codec
from penstock_contracts.event import Event
from penstock_contracts.facts import CommentsPublished, CommentsRequested
from penstock_contracts.routing import route
from penstock_eventlog.memory import MemoryLog
from penstock_eventlog.ports import NewRecord
from penstock_eventlog.workbench import workbench
from penstock_platforms.forge.server import TOKEN, Forge
from penstock_runtime.clock import Clock, ManualClock
from penstock_runtime.logs import Redactor
from penstock_runtime.metrics import Metrics
from penstock_runtime.process import Context
from penstock_runtime.settings import load, platform_access
from penstock_runtime.steps import NO_STEPS
from penstock_store.memory.store import MemoryStore
from tests.support.waiting import eventually
from tests.unit.penstock_commenter.stage import BASE, CHANGE, Stagehand, finding


def context_of(environ: dict[str, str], clock: Clock) -> Context:
    return Context(
        name="commenter",
        environ=environ,
        clock=clock,
        steps=NO_STEPS,
        tracer=NoOpTracer(),
        metrics=Metrics(CollectorRegistry()),
        redactor=Redactor(),
        host="here",
    )


async def test_a_request_on_the_log_becomes_a_review_and_an_answer(tmp_path: Path) -> None:
    codec, clock = Codec(), ManualClock()
    store, log = MemoryStore(clock), MemoryLog()
    async with Forge(tmp_path) as forge:
        context = context_of({"PENSTOCK_GITHUB_URL": forge.api_url, "PENSTOCK_GITHUB_TOKEN": TOKEN}, clock)
        repository = await forge.world.create_repository("acme/shop", BASE)
        pull = await forge.world.open_pull_request(repository, title="A change", files=CHANGE)
        hand = Stagehand(forge, repository, pull, clock, store)
        event: Event[CommentsRequested] = await hand.review(finding(5), finding(30))
        target, encoded = route(event.envelope), codec.encode(event)
        producer = log.producer()
        record = NewRecord(target.topic, target.key, encoded.headers, encoded.value, stream=hand.stream)
        await producer.send([record, record])

        service = await assemble(context, workbench(context, store, log, codec))
        answers: list[CommentsPublished] = []
        reader = log.consumer("test", ["comments.published"], lambda _: None)

        async def answered() -> bool:
            for found in await reader.poll(10, 0):
                fact = codec.decode(found.headers, found.value).fact
                assert isinstance(fact, CommentsPublished)
                answers.append(fact)
            return len(answers) >= 2

        async def stepped() -> bool:
            for machine in service.machines:
                await machine.step()
            return await answered()

        progress: Callable[[], bool | Awaitable[bool]] = stepped
        await eventually(progress, 20.0, "two answers on comments.published")
        for machine in service.machines:
            await machine.stop()
        for close in service.close:
            await close()

        assert [answer.comments for answer in answers] == [2, 2]
        assert (len(hand.reviews()), len(hand.comments()), len(hand.inline())) == (1, 1, 2)


def test_the_first_key_of_marks_follows_from_the_tokens_and_a_set_one_wins() -> None:
    environ = {"PENSTOCK_GITHUB_TOKEN": "t-1"}
    access, settings = platform_access(environ), load(CommenterSettings, environ)
    assert first_marker_key(settings, access) == first_marker_key(settings, platform_access(dict(environ)))
    other = platform_access({"PENSTOCK_GITHUB_TOKEN": "t-2"})
    assert first_marker_key(settings, access) != first_marker_key(settings, other)
    given = load(CommenterSettings, environ | {"PENSTOCK_MARKER_SECRET": "mine"})
    assert first_marker_key(given, access) == first_marker_key(given, other) == b"mine"


def test_a_key_that_nothing_is_known_of_cannot_be_guessed() -> None:
    settings = load(CommenterSettings, {})
    assert first_marker_key(settings, {}) != first_marker_key(settings, {})


async def test_marks_outlast_the_tokens_and_the_setting_they_were_made_from(caplog: pytest.LogCaptureFixture) -> None:
    store, settings = MemoryStore(ManualClock()), load(CommenterSettings, {})
    first = await markers_of(store, settings, platform_access({"PENSTOCK_GITHUB_TOKEN": "t-1"}))
    again = await markers_of(store, settings, platform_access({"PENSTOCK_GITHUB_TOKEN": "t-2"}))
    assert first.of("effect-1") == again.of("effect-1")
    assert not caplog.messages

    given = load(CommenterSettings, {"PENSTOCK_MARKER_SECRET": "mine"})
    assert (await markers_of(store, given, {})).of("effect-1") == first.of("effect-1")
    assert "PENSTOCK_MARKER_SECRET changes nothing" in caplog.text


@pytest.mark.parametrize(("word", "state"), [("neutral", "success"), ("failure", "failure")])
def test_a_failed_review_blocks_a_merge_only_when_asked_to(word: str, state: str) -> None:
    settings = load(CommenterSettings, {"PENSTOCK_STATUS_ON_FAILURE": word})
    assert settings.failed_status.value == state
    assert settings.timing.lease > 3 * settings.call_seconds
