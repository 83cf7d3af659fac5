"""Every answer ingest can give, and what is stored when it gives it."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock_contracts.enums import PullRequestKind
from penstock_contracts.ids import delivery_event_id
from penstock_ingest.adapters.doors import open_doors
from penstock_platforms import registry
from penstock_platforms.instances import instance_of
from penstock_runtime.errors import SettingsError
from penstock_runtime.settings import platform_access
from penstock_store.errors import RowRefused, SchemaMismatch, StoreError, StoreRewound, WrongCredentials
from penstock_store.rows import NewOutboxRow
from tests.unit.penstock_ingest.door import LARGEST, SECRET, House, pull_request, signed


async def test_a_signed_webhook_is_stored_and_accepted() -> None:
    house = House()
    answer = await house.send(signed(pull_request()))
    assert answer.status_code == 202
    assert answer.json() == {
        "status": "accepted",
        "kind": "pr_opened",
        "reason": "",
        "delivery_id": "d-1",
        "stream": "github:github.com:42:7",
        "correlation_id": "d-1",
    }
    (event,) = house.stored()
    assert event.fact.kind is PullRequestKind.OPENED
    assert event.envelope.id == delivery_event_id("github.com", "d-1")
    assert event.envelope.correlation_id == "d-1"
    (row,) = house.store.tables.outbox.values()
    assert (row.topic, row.key) == ("pr.received", "github:github.com:42:7")


async def test_the_same_delivery_again_is_a_duplicate_and_stored_once() -> None:
    house = House()
    await house.send(signed(pull_request()))
    answer = await house.send(signed(pull_request()))
    assert (answer.status_code, answer.json()["status"]) == (202, "duplicate")
    assert len(house.stored()) == 1


async def test_a_comment_that_two_hooks_deliver_is_one_event() -> None:
    """Those of the repository and of its organisation, each under an id of its own."""
    house = House()
    comment: dict[str, Any] = {
        "action": "created",
        "issue": {"number": 7, "title": "A change", "user": {"login": "alice"}, "pull_request": {}},
        "comment": {"id": 99, "body": "/penstock pause", "user": {"login": "ada"}, "author_association": "MEMBER"},
        "repository": {"id": 42, "full_name": "acme/shop"},
        "sender": {"login": "ada"},
    }
    answers = [await house.send(signed(comment, event="issue_comment", delivery=each)) for each in ("d-1", "d-2")]
    assert [answer.json()["status"] for answer in answers] == ["accepted", "duplicate"]
    another = {**comment, "comment": {**comment["comment"], "id": 100}}
    assert (await house.send(signed(another, event="issue_comment", delivery="d-3"))).json()["status"] == "accepted"
    assert len(house.stored()) == 2


async def test_what_asks_nothing_of_us_is_ignored_with_a_reason_and_never_an_error() -> None:
    house = House()
    for request in (signed({"zen": "x"}, event="ping"), signed(pull_request("labeled")), signed({}, event="push")):
        answer = await house.send(request)
        assert (answer.status_code, answer.json()["status"]) == (202, "ignored")
        assert answer.json()["reason"]
    assert house.stored() == []


async def test_a_wrong_or_missing_signature_is_refused_and_nothing_is_stored() -> None:
    house = House()
    wrong = signed(pull_request(), secret="another")
    missing = signed(pull_request())
    del missing["headers"]["x-hub-signature-256"]
    for request in (wrong, missing):
        answer = await house.send(request)
        assert (answer.status_code, answer.json()["status"]) == (401, "rejected")
    assert house.stored() == []


async def test_while_a_secret_is_replaced_both_are_valid() -> None:
    house = House(environ={"PENSTOCK_WEBHOOK_SECRET_GITHUB": f"new\n{SECRET}"})
    assert (await house.send(signed(pull_request()))).status_code == 202
    assert (await house.send(signed(pull_request(), secret="new", delivery="d-2"))).status_code == 202


async def test_a_body_that_is_not_what_the_platform_sends_is_malformed() -> None:
    house = House()
    for body in (b"{", b"[]", {}, {"action": "opened"}, pull_request(repository={"id": -1})):
        assert (await house.send(signed(body))).status_code == 400


async def test_an_unknown_platform_is_answered_with_what_there_is() -> None:
    house = House()
    for path in ("/webhooks/subversion", "/webhooks/gitlab", "/webhooks/github/elsewhere.example"):
        answer = await house.send(signed(pull_request()), path)
        assert answer.status_code == 404
        assert "github" in answer.json()["reason"]


async def test_a_named_instance_is_the_same_door() -> None:
    house = House()
    answer = await house.send(signed(pull_request()), "/webhooks/github/github.com")
    assert answer.json()["stream"] == "github:github.com:42:7"


async def test_a_form_is_refused_with_the_remedy() -> None:
    answer = await House().send(signed(pull_request(), content_type="application/x-www-form-urlencoded"))
    assert answer.status_code == 415
    assert "application/json" in answer.json()["reason"]


async def test_a_content_type_with_a_charset_is_read() -> None:
    answer = await House().send(signed(pull_request(), content_type="application/json; charset=utf-8"))
    assert answer.status_code == 202


async def test_a_body_that_says_it_is_too_large_is_not_read() -> None:
    answer = await House().send(signed(b"x" * (LARGEST + 1)))
    assert answer.status_code == 413


async def test_a_body_that_turns_out_too_large_is_not_read_to_its_end() -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 100 * LARGEST:
            sent += 4096
            yield b"x" * 4096

    request = signed(b"")
    async with House().client() as client:
        answer = await client.post("/webhooks/github", content=endless(), headers=request["headers"])
    assert answer.status_code == 413


async def test_while_the_store_is_away_the_sender_is_told_to_come_back() -> None:
    house = House()
    house.store.go_away()
    answer = await house.send(signed(pull_request()))
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    house.store.come_back()
    assert (await house.send(signed(pull_request()))).json()["status"] == "accepted"


class NeverDone:
    """A database that hangs."""

    async def receive(self, event_id: str, row: NewOutboxRow) -> bool:
        await asyncio.Event().wait()
        return True


async def test_a_store_that_hangs_costs_the_time_limit_and_an_honest_503() -> None:
    async with House(receipts=NeverDone(), seconds=0.01).client() as client:
        answers = await asyncio.gather(*(client.post("/webhooks/github", **signed(pull_request())) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {503}


@dataclass(frozen=True, slots=True)
class Refusing:
    """A database that is there and does not take it."""

    error: StoreError

    async def receive(self, event_id: str, row: NewOutboxRow) -> bool:
        raise self.error


@pytest.mark.parametrize(
    "error",
    [
        WrongCredentials("permission denied for table inbox_messages"),
        SchemaMismatch("without tables", "0001", "run `penstock db upgrade`"),
        StoreRewound(),
        RowRefused("RaiseException: not on Sundays"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_store_that_refuses_is_an_honest_503_too(error: StoreError, caplog: pytest.LogCaptureFixture) -> None:
    answer = await House(receipts=Refusing(error)).send(signed(pull_request()))
    assert (answer.status_code, answer.json()["status"]) == (503, "rejected")
    assert int(answer.headers["retry-after"]) > 0
    assert str(error) in [getattr(record, "error", "") for record in caplog.records]


async def test_the_trace_that_came_in_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    parent = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"
    monkeypatch.setattr("penstock_ingest.handler.inject", lambda: (parent, "a=b"))
    house = House()
    await house.send(signed(pull_request()))
    assert house.stored()[0].envelope.traceparent == parent


async def test_a_tracestate_that_is_too_long_to_be_kept_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    parent = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"
    house = House()
    for delivery, length in (("d-1", 998), ("d-2", 999)):
        monkeypatch.setattr("penstock_ingest.handler.inject", lambda length=length: (parent, "a=" + "b" * length))
        assert (await house.send(signed(pull_request(), delivery=delivery))).status_code == 202
    kept, left_out = (event.envelope for event in house.stored())
    assert (len(kept.tracestate), left_out.tracestate) == (1_000, "")
    assert left_out.traceparent == parent


async def test_unsigned_webhooks_are_taken_only_where_that_was_asked_for() -> None:
    house = House(environ={}, unsigned=("github",))
    request = signed(pull_request(), secret="anything")
    assert (await house.send(request)).status_code == 202


def test_without_any_secret_it_does_not_start_and_says_what_to_set() -> None:
    with pytest.raises(SettingsError, match="PENSTOCK_WEBHOOK_SECRET_GITHUB"):
        open_doors({}, (), registry.webhook)


def test_a_secret_for_a_platform_that_cannot_be_served_stops_the_start() -> None:
    access = platform_access({"PENSTOCK_WEBHOOK_SECRET_AZURE": "x", "PENSTOCK_WEBHOOK_SECRET_GITHUB": "y"})
    with pytest.raises(SettingsError, match="azure"):
        open_doors(access, (), registry.webhook)


def test_a_server_of_ones_own_is_told_apart_by_its_host() -> None:
    assert instance_of("github", None) == "github.com"
    assert instance_of("github", "https://api.github.com") == "github.com"
    assert instance_of("github", "https://git.acme.example:8443/api/v3") == "git.acme.example:8443"


_headers = st.dictionaries(
    st.sampled_from(["x-github-event", "x-github-delivery", "x-hub-signature-256", "content-length", "x-gitea-event"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60),
    max_size=5,
)


_json = st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner))


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    body=st.binary(max_size=300) | _json.map(lambda told: json.dumps(told).encode()),
    headers=_headers,
    sign=st.booleans(),
    path=st.sampled_from(["/webhooks/github", "/webhooks/github/github.com", "/webhooks/%00", "/webhooks/gitlab"]),
)
async def test_no_rubbish_is_answered_with_a_failure_of_ours(
    body: bytes, headers: dict[str, str], sign: bool, path: str
) -> None:
    house = House()
    request = signed(body)
    request["headers"] |= headers
    if sign:
        request["headers"]["x-hub-signature-256"] = signed(body)["headers"]["x-hub-signature-256"]
    answer = await house.send(request, path)
    assert answer.status_code in (202, 400, 401, 404, 413, 415)
    assert answer.json()["status"] in ("accepted", "duplicate", "ignored", "rejected")


@settings(deadline=None, max_examples=100)
@given(
    changes=st.dictionaries(
        st.sampled_from(["action", "pull_request", "repository", "sender", "changes"]),
        st.none() | st.integers() | st.text(max_size=20) | st.just({}),
        min_size=1,
    ),
    event=st.sampled_from(["pull_request", "issue_comment", "ping", "x"]),
)
async def test_a_signed_body_with_wrong_fields_is_refused_or_ignored(changes: dict[str, object], event: str) -> None:
    answer = await House().send(signed(pull_request() | changes, event=event))
    assert answer.status_code in (202, 400)
