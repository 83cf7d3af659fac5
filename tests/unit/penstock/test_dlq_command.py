"""`penstock dlq` against the real API in process, with the orchestrator's handler beside it, on the store in memory."""

import argparse
import io
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from prometheus_client import CollectorRegistry

from penstock.cli import main
from penstock.commands.dlq import add_arguments, filters_of
from penstock.operating.console import Console
from penstock.operating.ending import DONE, MISUSED, REFUSED, UNREACHABLE
from penstock.operating.errors import ConsoleRefused, NotUnderstood
from penstock.operating.letters import Desk
from penstock_console.api import build_app
from penstock_console.handler import Desk as JobsDesk
from penstock_console.tokens import Tokens
from penstock_contracts.codec import Codec
from penstock_contracts.enums import Stage
from penstock_contracts.event import Event
from penstock_contracts.facts import Fact
from penstock_eventlog.letters import remedy_of
from penstock_eventlog.outcomes import DeadLetter
from penstock_eventlog.work import stalling
from penstock_orchestrator.fold import OrchestratorFold
from penstock_orchestrator.handler import Orchestrator
from penstock_orchestrator.rules import Rules
from penstock_orchestrator.state import StreamState
from penstock_runtime.clock import ManualClock
from penstock_runtime.metrics import Metrics
from penstock_runtime.retry import STANDARD
from penstock_store.memory.store import MemoryStore
from penstock_store.rows import DeadLetterRow, Delivered, NewOutboxRow, RawRecord
from tests.support.toy_fold import received

RULES = Rules(schedules=dict.fromkeys(Stage, STANDARD))
NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
STREAM = "toy:host:1:7"
UNREADABLE = DeadLetterRow(
    id="letter-2",
    consumer="penstock-orchestrator",
    record=RawRecord("ast.completed", 3, 5, b"key", (("ce_id", b"e-2"),), b"not avro"),
    stream="",
    run_id="",
    event_id="e-2",
    event_type="",
    reason="undecodable",
    error="the bytes begin with 110",
    remedy="find out who wrote it",
)


class Broken(OrchestratorFold):
    """A version with a mistake, until that is repaired."""

    mistake: str = "a mistake of ours"

    def decide(self, state: StreamState, event: Event[Fact], now: datetime) -> Sequence[Event[Fact]]:
        if self.mistake and event.envelope.id == "e-1":
            raise ValueError(self.mistake)
        return super().decide(state, event, now)


@dataclass(slots=True)
class Place:
    """A store, what an operator types, and an orchestrator that hears what comes of it while `running`."""

    store: MemoryStore
    fold: Broken
    desk: Desk
    running: bool = True

    @property
    def told(self) -> str:
        """What was printed since the last look."""
        assert isinstance(self.desk.out, io.StringIO)
        text = self.desk.out.getvalue()
        self.desk.out.seek(0)
        self.desk.out.truncate()
        return text

    async def letter(self) -> DeadLetterRow:
        (found,) = await self.store.dead_letters.letters()
        return found

    async def types(self) -> list[str]:
        return [fact.envelope.type for fact in await self.store.streams.facts(STREAM)]

    async def hear(self) -> None:
        """An orchestrator hears everything that was asked, each time anew: often enough to show that once is enough."""
        codec, handler = Codec(), Orchestrator(self.store.streams, self.fold, Metrics(CollectorRegistry()))
        rows = [row for row in self.store.tables.outbox.values() if row.topic == "workflow.control"]
        for row in rows if self.running else ():
            record = RawRecord(row.topic, 0, row.id, row.key.encode(), row.headers, row.value)
            await handler.apply([Delivered(codec.decode(row.headers, row.value), record)])


class Beside(httpx.ASGITransport):
    """The API, and an orchestrator that works between two questions."""

    place: Place

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        await self.place.hear()
        return answer


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    """With a run that stalled because a version of ours has a mistake."""
    store, fold = MemoryStore(ManualClock(NOW)), Broken(RULES)
    await store.streams.apply("orchestrator", [received("e-1")], fold)
    transport = Beside(build_app(JobsDesk(store, Codec()), Tokens.read("alice s3cret")))
    async with Console("http://console.test", "s3cret", transport) as console:
        transport.place = Place(store, fold, Desk(console, io.StringIO()))
        yield transport.place


async def test_open_letters_are_listed_with_their_error(place: Place) -> None:
    letter = await place.letter()
    assert await place.desk.listed({}, NOW + timedelta(minutes=5), as_json=False) == DONE
    header, line = place.told.splitlines()
    assert header.split()[:2] == ["id", "reason"]
    assert line.split()[:3] == [letter.id, "stalled", "pr.received"]
    assert "5 min" in line
    assert "ValueError: a mistake of ours" in line


async def test_letters_are_filtered_and_a_page_says_how_to_go_on(place: Place) -> None:
    await place.store.dead_letters.put(UNREADABLE, [])
    await place.desk.listed({"reason": "undecodable"}, NOW, as_json=False)
    assert [line.split()[0] for line in place.told.splitlines()] == ["id", "letter-2"]
    await place.desk.listed({"limit": "1"}, NOW, as_json=False)
    first = place.told
    assert "more: --after " in first
    await place.desk.listed({"after": first.split()[-1]}, NOW, as_json=False)
    assert "more" not in place.told


async def test_a_list_behind_a_letter_that_is_not_there_is_refused(place: Place) -> None:
    with pytest.raises(ConsoleRefused, match=r"^there is no dead letter x/yz$"):
        await place.desk.listed({"after": "x/yz"}, NOW, as_json=False)


async def test_where_there_is_none_it_says_so(place: Place) -> None:
    await place.desk.listed({"stream": "another"}, NOW, as_json=False)
    assert place.told == "no dead letters\n"


async def test_a_letter_is_shown_with_its_event_and_a_remedy_that_can_be_pasted(place: Place) -> None:
    letter = await place.letter()
    await place.desk.shown(letter.id, as_json=False)
    told = place.told
    assert '"number": 7' in told
    assert f"`penstock dlq redrive {letter.id}`" in told
    assert "ce_type" in told
    await place.desk.shown(letter.id, as_json=True)
    shown = json.loads(place.told)
    assert (shown["id"], shown["event"]["number"], shown["headers"]["ce_type"]) == (letter.id, 7, "pr.received")


async def test_bytes_that_cannot_be_read_are_counted_and_not_shown(place: Place) -> None:
    await place.store.dead_letters.put(UNREADABLE, [])
    await place.desk.shown(UNREADABLE.id, as_json=False)
    told = place.told
    assert "8 bytes that cannot be decoded" in told
    assert "not avro" not in told


async def test_a_stalled_event_is_applied_once_the_mistake_is_repaired(place: Place) -> None:
    letter = await place.letter()
    place.fold.mistake = ""
    assert await place.desk.redriven([letter.id], {}, 5.0) == DONE
    assert place.told == f"{letter.id}  applied to {STREAM}\n"
    assert await place.types() == [
        "workflow.stalled", "repair.requested", "stall.cleared", "pr.received", "workflow.opened", "prepare.requested",
    ]  # fmt: skip
    await place.desk.shown(letter.id, as_json=False)
    assert "redriven by alice" in place.told


async def test_what_fails_again_stays_says_why_and_does_not_stop_the_others(place: Place) -> None:
    letter = await place.letter()
    await place.store.dead_letters.put(UNREADABLE, [])
    place.fold.mistake = "another mistake"
    assert await place.desk.redriven([letter.id, UNREADABLE.id], {}, 5.0) == REFUSED
    first, second = place.told.splitlines()
    assert first.endswith("it cannot be applied yet: ValueError: another mistake")
    assert second.endswith("sent back to ast.completed")
    assert (await place.letter()).id == letter.id
    await place.desk.shown(letter.id, as_json=False)
    assert "alice  ValueError: another mistake" in place.told


async def test_every_redrive_is_told_with_who_asked_and_how_it_ended(place: Place) -> None:
    letter = await place.letter()
    await place.desk.redriven([letter.id, letter.id], {}, 5.0)
    place.fold.mistake = ""
    await place.desk.redriven([letter.id], {}, 5.0)
    assert place.told.count("cannot be applied yet") == 2
    await place.desk.shown(letter.id, as_json=True)
    redrives = json.loads(place.told)["redrives"]
    assert [(one["actor"], one["error"]) for one in redrives] == [
        ("alice", "ValueError: a mistake of ours"),
        ("alice", "ValueError: a mistake of ours"),
        ("alice", ""),
    ]


async def test_without_an_orchestrator_it_says_that_nothing_was_carried_out_and_where_to_look(place: Place) -> None:
    letter = await place.letter()
    place.running = False
    assert await place.desk.redriven([letter.id], {}, 0.01) == REFUSED
    assert "not carried out within 0.01 s: is an orchestrator running" in place.told
    assert await place.desk.redriven([letter.id], {}, 0) == DONE
    assert f"asked for as alice; what became of it: `penstock dlq show {letter.id}`" in place.told


async def test_a_record_is_sent_back_to_its_topic_as_it_was(place: Place) -> None:
    await place.store.dead_letters.put(UNREADABLE, [])
    assert await place.desk.redriven([UNREADABLE.id], {}, 5.0) == DONE
    row = list(place.store.tables.outbox.values())[-1]
    record = UNREADABLE.record
    assert (row.topic, row.key, row.headers, row.value) == ("ast.completed", "key", record.headers, record.value)
    kept = await place.store.dead_letters.get(UNREADABLE.id)
    assert kept is not None
    assert kept.resolution == "sent back to ast.completed by alice"


async def test_what_is_settled_is_refused_and_nothing_is_done_twice(place: Place) -> None:
    letter = await place.letter()
    await place.store.dead_letters.put(UNREADABLE, [])
    place.fold.mistake = ""
    for expected in (DONE, REFUSED):
        assert await place.desk.redriven([letter.id, UNREADABLE.id], {}, 5.0) == expected
    assert place.told.splitlines()[2:] == [
        f"{letter.id}  dead letter {letter.id} is settled: redriven by alice",
        "letter-2  dead letter letter-2 is settled: sent back to ast.completed by alice",
    ]
    assert (await place.types()).count("workflow.opened") == 1
    assert sum(row.topic == "ast.completed" for row in place.store.tables.outbox.values()) == 1


async def test_all_redrives_what_that_helps_and_tells_what_it_leaves(place: Place) -> None:
    letter = await place.letter()
    await place.store.dead_letters.put(UNREADABLE, [])
    place.fold.mistake = ""
    assert await place.desk.redriven_all({}, {}, 5.0) == DONE
    assert place.told.splitlines() == [
        "letter-2  left as it is: find out who wrote it",
        f"{letter.id}  applied to {STREAM}",
    ]


async def test_all_leaves_what_ended_the_orchestrator_which_is_redriven_by_its_id(place: Place) -> None:
    place.fold.mistake = ""
    why = DeadLetter("poison", "its handling ended the process three times")
    stall = stalling(place.store.streams, "orchestrator", place.fold)
    await stall(received("e-5"), why)
    (stalled,) = [row for row in await place.store.dead_letters.letters() if row.event_id == "e-5"]
    killed = replace(UNREADABLE, id="letter-9", reason="poison", remedy=remedy_of("poison", "letter-9"))
    await place.store.dead_letters.put(killed, [])
    assert await place.desk.redriven_all({}, {}, 5.0) == DONE
    told = place.told.splitlines()
    for letter_id in (stalled.id, killed.id):
        (line,) = (line for line in told if line.startswith(f"{letter_id}  left as it is"))
        assert "may end a process again" in line
        assert f"`penstock dlq redrive {letter_id}`" in line
    assert {row.id for row in await place.store.dead_letters.letters()} == {stalled.id, killed.id}
    assert await place.desk.redriven([stalled.id], {}, 5.0) == DONE
    assert place.told == f"{stalled.id}  applied to {STREAM}\n"


async def test_all_says_where_there_is_nothing_to_redrive(place: Place) -> None:
    assert await place.desk.redriven_all({"stream": "another"}, {}, 5.0) == DONE
    assert place.told == "nothing to redrive\n"


async def test_a_discarded_event_stalls_its_stream_no_longer_and_says_why(place: Place) -> None:
    letter = await place.letter()
    assert await place.desk.discarded([letter.id], {"reason": "too old"}) == DONE
    assert place.told == f"{letter.id}  discarded as alice\n"
    await place.desk.listed({}, NOW, as_json=False)
    assert place.told == "no dead letters\n"
    assert await place.types() == ["workflow.stalled", "repair.requested", "stall.cleared"]
    kept = await place.store.dead_letters.get(letter.id)
    assert kept is not None
    assert kept.resolution == "discarded by alice: too old"
    assert await place.desk.redriven([letter.id], {}, 5.0) == REFUSED


async def test_a_discarded_letter_of_a_run_says_where_its_run_is(place: Place) -> None:
    await place.store.dead_letters.put(replace(UNREADABLE, run_id="run-1"), [])
    await place.desk.discarded([UNREADABLE.id], {"reason": "not ours"})
    assert place.told.endswith("its run: `penstock jobs run-1`\n")


async def test_an_unknown_letter_is_told(place: Place) -> None:
    with pytest.raises(ConsoleRefused, match="there is no dead letter nothing"):
        await place.desk.shown("nothing", as_json=False)
    assert await place.desk.redriven(["nothing"], {}, 5.0) == REFUSED
    assert place.told == "nothing  there is no dead letter nothing\n"


async def test_a_blocked_stream_is_listed_with_its_remedy_and_published_again(place: Place) -> None:
    outbox = place.store.outbox
    await outbox.put([NewOutboxRow("blocked", "ast.requested", "k", None, (("ce_type", b"ast.requested"),), b"v")])
    lease = await place.store.leases.acquire("relay", "me", timedelta(minutes=1))
    assert lease is not None
    (row,) = [row for row in await outbox.unsent(range(8), 10) if row.stream == "blocked"]
    await outbox.block(row.id, "MSG_SIZE_TOO_LARGE", lease)
    await place.desk.listed({}, NOW, as_json=False)
    told = place.told
    assert "MSG_SIZE_TOO_LARGE" in told
    assert "`penstock dlq unblock blocked`" in told
    assert await place.desk.unblocked(["unknown", "blocked"], {}) == REFUSED
    refused, done = place.told.splitlines()
    assert refused == "unknown  no row of stream unknown is blocked"
    assert done.startswith("blocked  unblocked as alice")
    assert await outbox.blocked() == []


@pytest.mark.parametrize("words", [[], ["explode"], ["show"], ["redrive"], ["redrive", "a", "--all"], ["discard", "a"]])
def test_words_that_mean_nothing_end_with_the_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["dlq", *words])
    assert ended.value.code == MISUSED
    assert "usage: penstock dlq" in capsys.readouterr().err


async def test_a_limit_that_lists_nothing_is_refused(place: Place) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    typed = vars(parser.parse_args(["ls", "--limit", "0"]))
    with pytest.raises(NotUnderstood, match="limit: "):
        await place.desk.listed(filters_of(typed), NOW, as_json=False)


def test_where_no_console_answers_it_says_what_to_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dlq", "ls", "--url", "http://127.0.0.1:1"]) == UNREACHABLE
    told = capsys.readouterr().err
    assert "PENSTOCK_CONSOLE_URL" in told
    assert "penstock up" in told
