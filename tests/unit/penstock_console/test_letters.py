"""Dead letters and blocked streams through the API, over ASGI with the store in memory."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

import penstock_eventlog
from penstock_console.filters import REASONS
from penstock_contracts.codec import Codec
from penstock_contracts.enums import PullRequestKind, RepairAction
from penstock_contracts.envelope import Envelope
from penstock_contracts.event import Event
from penstock_contracts.examples import PULL_REQUEST
from penstock_contracts.facts import AstCompleted, PrepareRequested, RepairRequested
from penstock_contracts.schemas import schema_of
from penstock_contracts.weight import weight_of
from penstock_eventlog.decoding import UNDECODABLE
from penstock_eventlog.delivery import UNENCODABLE
from penstock_store.letters import REFUSED
from penstock_store.letters import STALLED as STALLED_REASON
from penstock_store.memory.store import MemoryStore
from penstock_store.rows import DeadLetterRow, NewOutboxRow, RawRecord, StreamRow
from tests.unit.penstock_console.place import NOON, RUN, client_of

LETTERS, BLOCKED = "/workflow-queue/dead-letters", "/workflow-queue/blocked-streams"
ANSWER = Codec().encode(
    Event(
        Envelope(
            "e-1", AstCompleted.TYPE, "ast", NOON, RUN.stream, RUN.subject, RUN.id, stage="ast", attempt=2,
            correlation_id="d-1",
        ),
        AstCompleted(error="s3cret"),
    )
)  # fmt: skip
STALLED = DeadLetterRow(
    "l-1",
    "orchestrator",
    RawRecord("ast.completed", 0, 5, b"key", ANSWER.headers, ANSWER.value),
    RUN.stream,
    RUN.id,
    "e-1",
    AstCompleted.TYPE,
    "stalled",
    "KeyError: no rule",
    "correct the cause, then: `penstock dlq redrive l-1`",
    NOON,
)
RUBBISH = DeadLetterRow(
    "l-2", "ast", RawRecord("ast.requested", 0, 6, b"k", (("ce_id", b"\xff"),), b"secret bytes"), "", "", "", "",
    "undecodable", "no", "discard it", NOON + timedelta(seconds=1),
)  # fmt: skip


@pytest.fixture
async def letters(store: MemoryStore) -> None:
    for row in (STALLED, RUBBISH):
        await store.dead_letters.put(row, [])
    store.tables.streams[RUN.stream] = StreamRow(RUN.stream, RUN.subject, b"", "", 1, 1)


def test_every_reason_that_is_given_to_a_letter_may_be_asked_for() -> None:
    sources = "".join(path.read_text() for path in Path(penstock_eventlog.__file__).parent.rglob("*.py"))
    written = re.findall(r'DeadLetter\(f?"([^"{]+)', sources)
    assert len(written) >= 5
    assert [reason for reason in written if not any(known.startswith(reason) for known in REASONS)] == []
    assert {UNDECODABLE, UNENCODABLE, STALLED_REASON, REFUSED} < set(REASONS)


def asked(store: MemoryStore) -> list[Event[Any]]:
    rows = [row for row in store.tables.outbox.values() if row.topic == "workflow.control"]
    return [Codec().decode(row.headers, row.value) for row in rows]


@pytest.mark.usefixtures("letters")
class TestLooking:
    async def test_letters_are_listed_without_their_bytes(self, api: httpx.AsyncClient) -> None:
        answer = await api.get(LETTERS)
        told = answer.json()
        assert [(one["id"], one["stage"], one["remedy"]) for one in told["dead_letters"]] == [
            ("l-1", "ast", STALLED.remedy),
            ("l-2", "", RUBBISH.remedy),
        ]
        assert told["next"] is None
        assert "secret bytes" not in answer.text

    async def test_a_letter_that_is_settled_while_it_is_looked_at_is_shown_as_settled(
        self, api: httpx.AsyncClient, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        facts = store.streams.facts

        async def settled_meanwhile(stream: str) -> Sequence[Event[Any]]:
            row = store.tables.letters["l-1"]
            store.tables.letters["l-1"] = replace(row, resolved_at=NOON, resolution="redriven by ada")
            return await facts(stream)

        monkeypatch.setattr(store.streams, "facts", settled_meanwhile)
        told = (await api.get(f"{LETTERS}/l-1")).json()
        assert told["resolved_at"] is not None

    async def test_letters_are_filtered_and_paged(self, api: httpx.AsyncClient) -> None:
        for query, expected in (
            ({"run_id": RUN.id}, ["l-1"]),
            ({"reason": "undecodable"}, ["l-2"]),
            ({"state": "resolved"}, []),
            ({"event_type": "ast.completed", "stream": RUN.stream}, ["l-1"]),
            ({"limit": "1", "after": "l-1"}, ["l-2"]),
        ):
            told = (await api.get(LETTERS, params=query)).json()
            assert [one["id"] for one in told["dead_letters"]] == expected, query
        assert (await api.get(LETTERS, params={"limit": "1"})).json()["next"] == "l-1"
        assert (await api.get(LETTERS, params={"state": "nonsense"})).status_code == 422

    @pytest.mark.parametrize(
        ("query", "told"),
        [
            ({"reason": "stuck"}, "one of: stalled, refused, undecodable"),
            ({"event_type": "ast.complete"}, "one of: pr.received, "),
            ({"topic": "ast"}, "one of: pr.received, "),
            ({"state": "closed"}, "'open'"),
            ({"run": "run-1"}, "'run' is no parameter here; there are: after, event_type, "),
        ],
    )
    async def test_a_filter_that_can_only_find_nothing_is_refused_with_what_there_is(
        self, api: httpx.AsyncClient, query: dict[str, str], told: str
    ) -> None:
        refused = await api.get(LETTERS, params=query)
        assert refused.status_code == 422
        assert told in refused.text

    async def test_a_letter_is_shown_with_headers_and_event(self, api: httpx.AsyncClient) -> None:
        told = (await api.get(f"{LETTERS}/l-1")).json()
        assert told["headers"]["ce_attempt"] == "2"
        assert told["event"]["error"] == "s3cret"
        assert (told["undecodable"], told["redrives"], told["position"]) == ("", [], 5)

    async def test_of_what_nobody_can_read_only_the_size_is_told(self, api: httpx.AsyncClient) -> None:
        answer = await api.get(f"{LETTERS}/l-2")
        assert answer.json()["event"] is None
        assert answer.json()["undecodable"].startswith("12 bytes that cannot be decoded")
        assert "secret bytes" not in answer.text

    async def test_a_job_names_event_stage_error_and_remedy(self, api: httpx.AsyncClient) -> None:
        (stall,) = (await api.get(f"/workflow-queue/jobs/{RUN.id}")).json()["stalls"]
        assert (stall["event_type"], stall["event_id"], stall["stage"]) == ("ast.completed", "e-1", "ast")
        assert (stall["error"], stall["remedy"]) == (STALLED.error, STALLED.remedy)

    async def test_the_counts_tell_what_waits_for_a_person(self, api: httpx.AsyncClient) -> None:
        told = (await api.get("/workflow-queue/metrics")).json()
        assert (told["dead_letters"], told["blocked_streams"]) == ({"stalled": 1, "undecodable": 1}, 0)
        assert [stall["letter_id"] for stall in told["stalls"]] == ["l-1", "l-2"]

    async def test_what_holds_up_a_pull_request_is_told_before_any_rubbish(
        self, api: httpx.AsyncClient, store: MemoryStore
    ) -> None:
        early = STALLED.created_at
        for number in range(30):
            row = replace(RUBBISH, id=f"early-{number}", event_id=f"rubbish-{number}", created_at=early)
            store.tables.letters[row.id] = row
        store.tables.letters["z-last"] = replace(STALLED, id="z-last", event_id="e-last")
        told = (await api.get("/workflow-queue/metrics")).json()
        assert [stall["letter_id"] for stall in told["stalls"]][:2] == ["l-1", "z-last"]
        assert len(told["stalls"]) == 20
        assert list(told)[:4] == ["stuck", "blocked_streams", "dead_letters", "stalls"]

    async def test_an_unknown_letter_is_not_found(self, api: httpx.AsyncClient) -> None:
        assert (await api.get(f"{LETTERS}/l-9")).status_code == 404
        for action in ("redrive", "discard"):
            assert (await api.post(f"{LETTERS}/l-9/{action}", json={"reason": "x"})).status_code == 404


@pytest.mark.usefixtures("letters")
class TestRepairing:
    async def test_a_stalled_event_is_asked_for_with_who_asked(
        self, api: httpx.AsyncClient, store: MemoryStore
    ) -> None:
        answer = await api.post(f"{LETTERS}/l-1/redrive", json={"reason": "repaired"})
        assert answer.status_code == 202
        (event,) = asked(store)
        assert event.fact == RepairRequested(RepairAction.REDRIVE, "alice", "repaired", "l-1", "e-1", AstCompleted.TYPE)
        envelope = event.envelope
        assert (envelope.stream, envelope.workflow_id, envelope.stage, envelope.attempt) == (
            RUN.stream, RUN.id, "ast", 2,
        )  # fmt: skip
        assert (answer.json()["event_id"], answer.json()["outcome"]) == (envelope.id, "")

    async def test_the_same_idempotency_key_is_one_request(self, api: httpx.AsyncClient, store: MemoryStore) -> None:
        answers = [await api.post(f"{LETTERS}/l-1/redrive", headers={"idempotency-key": "k"}) for _ in range(2)]
        assert [answer.json()["new"] for answer in answers] == [True, False]
        assert len(asked(store)) == 1

    async def test_any_other_record_goes_back_as_it_came_once(self, api: httpx.AsyncClient, store: MemoryStore) -> None:
        codes = [(await api.post(f"{LETTERS}/l-2/redrive")).status_code for _ in range(2)]
        assert codes == [202, 409]
        (row,) = store.tables.outbox.values()
        assert (row.topic, row.key, row.headers, row.value) == (
            "ast.requested", "k", RUBBISH.record.headers, b"secret bytes",
        )  # fmt: skip
        assert store.tables.letters["l-2"].resolution == "sent back to ast.requested by alice"

    async def test_what_has_no_value_is_not_sent_back(self, api: httpx.AsyncClient, store: MemoryStore) -> None:
        await store.dead_letters.put(replace(RUBBISH, id="l-3", record=replace(RUBBISH.record, value=None)), [])
        answer = await api.post(f"{LETTERS}/l-3/redrive")
        assert (answer.status_code, "discard it" in answer.json()["detail"]) == (409, True)

    async def test_discarding_needs_a_reason_which_is_kept(self, api: httpx.AsyncClient, store: MemoryStore) -> None:
        assert (await api.post(f"{LETTERS}/l-1/discard")).status_code == 422
        assert (await api.post(f"{LETTERS}/l-1/discard", json={"reason": ""})).status_code == 422
        for letter in ("l-1", "l-2"):
            assert (await api.post(f"{LETTERS}/{letter}/discard", json={"reason": "old"})).status_code == 202
            assert store.tables.letters[letter].resolution == "discarded by alice: old"
        (event,) = asked(store)
        assert (event.fact.action, event.fact.event_id) == (RepairAction.DISCARD, "e-1")
        again = await api.post(f"{LETTERS}/l-1/discard", json={"reason": "old"})
        assert (again.status_code, "discarded by alice" in again.json()["detail"]) == (409, True)

    @pytest.mark.parametrize(
        "row",
        [
            replace(STALLED, record=replace(STALLED.record, headers=(*ANSWER.headers, ("ce_id", b"x" * 100_000)))),
            replace(STALLED, event_id="x" * 100_000),
        ],
        ids=["its headers are too long", "its name is too long to be told"],
    )
    async def test_whatever_is_listed_can_be_discarded(
        self, api: httpx.AsyncClient, store: MemoryStore, row: DeadLetterRow
    ) -> None:
        """Letters of before names were bounded: no event can speak of them."""
        store.tables.letters["l-1"] = row
        answer = await api.post(f"{LETTERS}/l-1/redrive")
        assert (answer.status_code, answer.json()["detail"].endswith("discard it")) == (409, True)
        assert (await api.post(f"{LETTERS}/l-1/discard", json={"reason": "old"})).status_code == 202
        assert store.tables.letters["l-1"].resolution == "discarded by alice: old"
        assert not asked(store)

    async def test_without_the_token_nothing_is_told_or_done(self, store: MemoryStore) -> None:
        async with client_of(store) as client:
            headers = {"authorization": "Bearer wrong"}
            for path in (LETTERS, f"{LETTERS}/l-1", BLOCKED):
                assert (await client.get(path, headers=headers)).status_code == 401
            for path in (f"{LETTERS}/l-1/redrive", f"{LETTERS}/l-1/discard", f"{BLOCKED}/s/unblock"):
                assert (await client.post(path, json={"reason": "x"}, headers=headers)).status_code == 401
        assert not asked(store)


@pytest.mark.usefixtures("letters")
async def test_a_blocked_stream_is_told_by_its_run_and_published_again(
    api: httpx.AsyncClient, store: MemoryStore
) -> None:
    request = Codec().encode(
        Event(
            Envelope("r-1", PrepareRequested.TYPE, "o", NOON, RUN.stream, RUN.subject, RUN.id, stage="prepare"),
            PrepareRequested(PULL_REQUEST, PullRequestKind.OPENED),
        )
    )
    await store.outbox.put(
        [NewOutboxRow(RUN.stream, "prepare.requested", RUN.stream, None, request.headers, request.value)]
    )
    lease = await store.leases.acquire("relay", "me", timedelta(minutes=1))
    assert lease is not None
    await store.outbox.block(1, "MSG_SIZE_TOO_LARGE", lease)

    (told,) = (await api.get(BLOCKED)).json()["blocked_streams"]
    assert (told["event_type"], told["stage"], told["error"]) == ("prepare.requested", "prepare", "MSG_SIZE_TOO_LARGE")
    assert f"`penstock dlq unblock {RUN.stream}`" in told["remedy"]
    weight = weight_of(RUN.stream, request.headers, request.value)
    assert f"to take records of {weight} bytes (max.message.bytes)" in told["remedy"]
    stalls = (await api.get(f"/workflow-queue/jobs/{RUN.id}")).json()["stalls"]
    assert told["remedy"] in [stall["remedy"] for stall in stalls]
    answer = await api.post(f"{BLOCKED}/{RUN.stream}/unblock")
    assert answer.json()["outcome"] == "unblocked"
    (event,) = asked(store)
    assert (event.fact.action, event.fact.actor) == (RepairAction.UNBLOCK, "alice")
    assert await store.outbox.blocked() == []
    assert (await api.post(f"{BLOCKED}/{RUN.stream}/unblock")).status_code == 404


async def test_the_schema_of_another_version_is_looked_up(api: httpx.AsyncClient, store: MemoryStore) -> None:
    unknown = replace(STALLED, record=replace(STALLED.record, value=b"\x00\x00\x00\x00\x07rest"))
    await store.dead_letters.put(unknown, [])
    told = (await api.get(f"{LETTERS}/l-1")).json()
    assert "7" in told["undecodable"]
    await store.schemas.upsert([schema_of(AstCompleted)])
    await store.dead_letters.put(replace(STALLED, id="l-4"), [])
    assert (await api.get(f"{LETTERS}/l-4")).json()["event"]["error"] == "s3cret"
