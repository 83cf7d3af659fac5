"""`penstock dlq` and `penstock db refold` on the store in memory, with the orchestrator's own fold."""

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import msgspec
import pytest

from penstock.cli import main
from penstock.operating.database import refold
from penstock.operating.ending import DONE, MISUSED, REFUSED, code_of
from penstock.operating.errors import LetterUnknown
from penstock.operating.letters import SENT_BACK, Desk
from penstock_contracts.codec import Codec
from penstock_contracts.enums import Stage
from penstock_contracts.event import Event
from penstock_contracts.facts import Fact
from penstock_orchestrator.fold import OrchestratorFold
from penstock_orchestrator.rules import Rules
from penstock_orchestrator.state import StreamState
from penstock_runtime.clock import ManualClock
from penstock_runtime.retry import STANDARD
from penstock_store.memory.store import MemoryStore
from penstock_store.rows import DeadLetterRow, RawRecord
from tests.support.toy_fold import received

RULES = Rules(schedules=dict.fromkeys(Stage, STANDARD))
FOLD = OrchestratorFold(RULES)
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
    """A version whose decide fails."""

    def decide(self, state: StreamState, event: Event[Fact], now: datetime) -> Sequence[Event[Fact]]:
        raise ValueError("a mistake of ours")


class Forgetful(OrchestratorFold):
    """A version whose evolve leads elsewhere, without saying so by its number."""

    def evolve(self, state: StreamState, stored: Event[Fact]) -> StreamState:
        return msgspec.structs.replace(super().evolve(state, stored), subject="somebody else's")


@pytest.fixture
async def store() -> MemoryStore:
    """With a run that stalled because a version of ours had a mistake."""
    made = MemoryStore(ManualClock())
    await made.streams.apply("orchestrator", [received("e-1")], Broken(RULES))
    return made


@pytest.fixture
async def letter(store: MemoryStore) -> DeadLetterRow:
    (found,) = await store.dead_letters.open_letters()
    return found


def desk_of(store: MemoryStore) -> Desk:
    return Desk(store, Codec(), io.StringIO())


def told(desk: Desk) -> str:
    assert isinstance(desk.out, io.StringIO)
    return desk.out.getvalue()


async def test_open_letters_are_listed_with_their_error(store: MemoryStore, letter: DeadLetterRow) -> None:
    desk = desk_of(store)
    assert await desk.listed(10, as_json=False) == DONE
    header, line = told(desk).splitlines()
    assert header.split()[:2] == ["id", "reason"]
    assert line.split()[:4] == [letter.id, "stalled", "pr.received", "orchestrator"]
    assert "ValueError: a mistake of ours" in line


async def test_where_there_is_none_it_says_so() -> None:
    desk = desk_of(MemoryStore(ManualClock()))
    assert await desk.listed(10, as_json=False) == DONE
    assert told(desk) == "no dead letters\n"


async def test_a_letter_is_shown_with_its_event_and_the_remedy(store: MemoryStore, letter: DeadLetterRow) -> None:
    desk = desk_of(store)
    await desk.shown(letter.id, as_json=False)
    assert '"number": 7' in told(desk)
    assert letter.remedy in told(desk)
    assert "ce_type" in told(desk)


async def test_a_letter_as_json_is_for_programs(store: MemoryStore, letter: DeadLetterRow) -> None:
    desk = desk_of(store)
    await desk.shown(letter.id, as_json=True)
    shown = json.loads(told(desk))
    assert (shown["id"], shown["event"]["number"], shown["headers"]["ce_type"]) == (letter.id, 7, "pr.received")


async def test_bytes_that_cannot_be_read_are_counted_and_not_shown(store: MemoryStore) -> None:
    await store.dead_letters.put(UNREADABLE, [])
    desk = desk_of(store)
    await desk.shown(UNREADABLE.id, as_json=False)
    assert "8 bytes that cannot be decoded" in told(desk)
    assert "not avro" not in told(desk)


async def test_a_stalled_event_is_applied_once_the_mistake_is_repaired(
    store: MemoryStore, letter: DeadLetterRow
) -> None:
    desk = desk_of(store)
    assert await desk.redriven([letter.id], FOLD) == DONE
    assert told(desk) == f"{letter.id}  applied to {STREAM}\n"
    types = [fact.envelope.type for fact in await store.streams.facts(STREAM)]
    assert types == ["workflow.stalled", "stall.cleared", "pr.received", "workflow.opened", "prepare.requested"]
    assert await desk.open_ids(10) == []


async def test_what_fails_again_stays_and_does_not_stop_the_others(store: MemoryStore, letter: DeadLetterRow) -> None:
    await store.dead_letters.put(UNREADABLE, [])
    desk = desk_of(store)
    assert await desk.redriven([letter.id, UNREADABLE.id], Broken(RULES)) == REFUSED
    first, second = told(desk).splitlines()
    assert "it cannot be applied yet: ValueError: a mistake of ours" in first
    assert SENT_BACK in second
    assert await desk.open_ids(10) == [letter.id]


async def test_a_record_is_sent_back_to_its_topic_as_it_was(store: MemoryStore) -> None:
    await store.dead_letters.put(UNREADABLE, [])
    assert await desk_of(store).redriven([UNREADABLE.id], FOLD) == DONE
    row = list(store.tables.outbox.values())[-1]
    record = UNREADABLE.record
    assert (row.topic, row.key, row.headers, row.value) == ("ast.completed", "key", record.headers, record.value)


async def test_what_was_redriven_is_not_redriven_again(store: MemoryStore, letter: DeadLetterRow) -> None:
    desk = desk_of(store)
    await desk.redriven([letter.id], FOLD)
    facts = len(await store.streams.facts(STREAM))
    assert await desk.redriven([letter.id], FOLD) == REFUSED
    assert told(desk).endswith("it is redriven\n")
    assert len(await store.streams.facts(STREAM)) == facts


async def test_a_discarded_letter_keeps_the_reason(store: MemoryStore) -> None:
    await store.dead_letters.put(replace(UNREADABLE, run_id="run-1"), [])
    desk = desk_of(store)
    assert await desk.discarded([UNREADABLE.id], "not ours") == DONE
    kept = await store.dead_letters.get(UNREADABLE.id)
    assert kept is not None
    assert kept.resolution == "discarded: not ours"
    assert "penstock jobs run-1" in told(desk)
    assert await desk.redriven([UNREADABLE.id], FOLD) == REFUSED


async def test_an_unknown_letter_is_told_with_where_to_look(store: MemoryStore) -> None:
    with pytest.raises(LetterUnknown, match="penstock dlq ls") as refused:
        await desk_of(store).shown("nothing", as_json=False)
    assert code_of(refused.value) == REFUSED


@pytest.mark.parametrize("words", [[], ["explode"], ["show"], ["redrive"], ["redrive", "a", "--all"], ["discard", "a"]])
def test_words_that_mean_nothing_end_with_the_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["dlq", *words])
    assert ended.value.code == MISUSED
    assert "usage: penstock dlq" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["dlq", "ls"], ["db", "check"], ["db", "refold"]])
def test_without_a_database_the_commands_name_both_variables(
    command: list[str],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("PENSTOCK_DATABASE_URL", raising=False)
    monkeypatch.setenv("PENSTOCK_DATA_DIR", str(tmp_path_factory.mktemp("nothing")))
    assert main(command) == MISUSED
    told = capsys.readouterr().err
    assert "PENSTOCK_DATABASE_URL" in told
    assert "PENSTOCK_DATA_DIR" in told


async def test_refold_names_the_streams_that_differ(store: MemoryStore) -> None:
    out = io.StringIO()
    assert await refold(store.streams, FOLD, "", out) == DONE
    assert out.getvalue() == "1 streams folded again, 0 differ from what is stored\n"
    out = io.StringIO()
    assert await refold(store.streams, Forgetful(RULES), "", out) == REFUSED
    assert out.getvalue().startswith(f"{STREAM}: the facts lead to another state")


async def test_refold_of_a_stream_that_is_not_there_says_so(store: MemoryStore) -> None:
    out = io.StringIO()
    assert await refold(store.streams, FOLD, "toy:host:1:8", out) == REFUSED
    assert out.getvalue() == "toy:host:1:8: there is no such stream\n"
