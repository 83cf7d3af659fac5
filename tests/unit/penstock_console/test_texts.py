"""Texts that cannot be stored are refused at the door, in words, wherever they stand in a request."""

from collections.abc import Mapping
from dataclasses import replace

import httpx
import pytest

from penstock_store.memory.store import MemoryStore
from tests.unit.penstock_console.place import RUN

JOBS, LETTERS = "/workflow-queue/jobs", "/workflow-queue/dead-letters"
BLOCKED, CACHE = "/workflow-queue/blocked-streams", "/workflow-queue/cache"


@pytest.mark.parametrize("text", [r"\u0000", r"a\u0000b", r"\ud800", r"\udc00 ", r"\u001b[2J", r"\u0085"])
@pytest.mark.parametrize(
    ("path", "field"),
    [
        (f"{JOBS}/run-1/replay", "reason"),
        (f"{JOBS}/run-1/retry", "stage"),
        (f"{JOBS}/run-1/retry", "part"),
        (f"{LETTERS}/l-1/redrive", "reason"),
        (f"{LETTERS}/l-1/discard", "reason"),
        (f"{BLOCKED}/s/unblock", "reason"),
    ],
)
async def test_a_body_with_what_cannot_be_stored_is_refused_in_words(
    api: httpx.AsyncClient, store: MemoryStore, path: str, field: str, text: str
) -> None:
    body = f'{{"{field}": "{text}"}}'
    answer = await api.post(path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    (told,) = answer.json()["detail"]
    assert told["loc"] == ["body", field]
    assert "control character or half a surrogate pair" in told["msg"]
    assert not store.tables.outbox


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{JOBS}/%00"),
        ("GET", f"{JOBS}/run%00/history"),
        ("POST", f"{JOBS}/run-1%00/cancel"),
        ("GET", f"{JOBS}?repository=%00"),
        ("GET", f"{JOBS}?stream=a%00b"),
        ("GET", f"{JOBS}?after=%1b"),
        ("GET", f"{LETTERS}/%00"),
        ("GET", f"{LETTERS}?run_id=%00"),
        ("POST", f"{LETTERS}/%00/redrive"),
        ("POST", f"{BLOCKED}/github%00/unblock"),
        ("DELETE", f"{CACHE}?repository=%00"),
    ],
)
async def test_a_path_or_a_query_with_what_cannot_be_stored_is_refused_in_words(
    api: httpx.AsyncClient, method: str, path: str
) -> None:
    answer = await api.request(method, path)
    assert answer.status_code == 422
    assert "control character or half a surrogate pair" in answer.json()["detail"]


async def test_who_is_not_admitted_is_told_that_first(api: httpx.AsyncClient) -> None:
    answer = await api.get(f"{JOBS}/%00", headers={"authorization": "Bearer nobody"})
    assert answer.status_code == 401


@pytest.mark.parametrize("given", [{"reason": "two\nlines,\tand more"}, {"reason": "schön 😀"}])
async def test_any_other_text_may_be_said(api: httpx.AsyncClient, given: Mapping[str, str]) -> None:
    assert (await api.post(f"{JOBS}/run-1/cancel", json=given)).status_code == 202


async def test_a_wish_of_which_no_event_can_speak_is_refused_in_words(
    api: httpx.AsyncClient, store: MemoryStore
) -> None:
    store.tables.jobs[RUN.id] = replace(RUN, correlation_id="x" * 100_000)
    answer = await api.post(f"{JOBS}/{RUN.id}/cancel")
    assert answer.status_code == 422
    assert answer.json()["detail"] == (
        "what is asked for cannot be stored: BadEnvelope: ce_correlationid is 100000 bytes long, 500 are allowed"
    )
    assert not store.tables.outbox
