"""The jobs API, over ASGI with the store in memory."""

import base64
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from penstock_console import filters
from penstock_console.bootstrap import tokens_of
from penstock_console.settings import ConsoleSettings
from penstock_console.tokens import Tokens
from penstock_contracts.codec import Codec
from penstock_contracts.enums import ControlAction, ExecutionState, JobStatus, Stage
from penstock_contracts.facts import WorkflowControl
from penstock_contracts.schemas import schema_of
from penstock_orchestrator.project import ITS_TURN, REDRIVE, RESUMING
from penstock_runtime.errors import SettingsError
from penstock_runtime.settings import load
from penstock_store.memory.store import MemoryStore
from penstock_store.rows import ExecutionRow
from tests.unit.penstock_console.place import NOON, RUN, STAGE, client_of


def asked(store: MemoryStore) -> list[WorkflowControl]:
    codec = Codec()
    facts = [codec.decode(row.headers, row.value).fact for row in store.tables.outbox.values()]
    assert all(isinstance(fact, WorkflowControl) for fact in facts)
    return [fact for fact in facts if isinstance(fact, WorkflowControl)]


def give_up(store: MemoryStore, parts: Sequence[tuple[Stage, str]]) -> None:
    for stage, part in parts:
        row = ExecutionRow("run-1", stage, part, 3, ExecutionState.GIVEN_UP)
        store.tables.executions["run-1", stage, part, 3] = row


async def test_a_job_is_shown_with_its_stages(api: httpx.AsyncClient) -> None:
    told = (await api.get("/workflow-queue/jobs/run-1")).json()
    assert (told["status"], told["waiting_for"]) == ("WAITING_FOR_EVENT", "files.review.completed")
    assert [stage["type"] for stage in told["stages"]] == ["AST_ANALYSIS"]


async def test_an_unknown_job_is_not_found(api: httpx.AsyncClient) -> None:
    for path in ("run-9", "run-9/history"):
        assert (await api.get(f"/workflow-queue/jobs/{path}")).status_code == 404


async def test_jobs_are_filtered_and_paged_without_gap_or_repetition(
    api: httpx.AsyncClient, store: MemoryStore
) -> None:
    for number in range(7):
        row = replace(RUN, id=f"old-{number}", created_at=NOON - timedelta(minutes=number + 1), status=JobStatus.FAILED)
        store.tables.jobs[row.id] = row
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        query = {"status": "FAILED", "repository": "acme/shop", "limit": "3", "after": after}
        page = (await api.get("/workflow-queue/jobs", params=query)).json()
        seen += [job["id"] for job in page["jobs"]]
        after = page["next"]
    assert seen == [f"old-{number}" for number in range(7)]
    assert (await api.get("/workflow-queue/jobs", params={"type": "AST_ANALYSIS"})).json()["jobs"][0]["id"] == STAGE.id
    assert (await api.get("/workflow-queue/jobs", params={"repository": "acme/other"})).json()["jobs"] == []
    assert (await api.get("/workflow-queue/jobs", params={"status": "DONE"})).status_code == 422


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("bogus=1", "'bogus' is no parameter here; there are: after, correlation_id, limit, "),
        ("%D1%8F=1", r"'\u044f' is no parameter here"),
        ("status=FAILED&status=COMPLETED", "status is given more than once"),
        ("status=DONE", "'PENDING', 'PROCESSING'"),
        ("stage=foo", "'prepare', 'ast', 'pr_review', 'files_review' or 'comments'"),
        ("type=foo", "'CODE_REVIEW'"),
        ("waiting_for=nonsense", "nothing waits for that; it has to be a word of: config.resolved, ast.completed"),
        ("waiting_for=", "nothing waits for that"),
        ("since=2030-01-02&until=2030-01-01", "since has to be before until"),
        ("since=2030-01-02&until=2030-01-02", "since has to be before until"),
    ],
)
async def test_a_filter_that_can_only_find_nothing_is_refused_with_what_there_is(
    api: httpx.AsyncClient, query: str, told: str
) -> None:
    refused = await api.get(f"/workflow-queue/jobs?{query}")
    assert refused.status_code == 422
    assert told in refused.text.replace("\\\\", "\\")


@pytest.mark.parametrize(
    "path", ["/workflow-queue/jobs/run-1", "/workflow-queue/metrics", "/workflow-queue/jobs/run-1/history"]
)
async def test_a_path_that_reads_no_parameter_refuses_all(api: httpx.AsyncClient, path: str) -> None:
    assert (await api.get(f"{path}?verbose=1")).json()["detail"] == "'verbose' is no parameter here; there are: none"


async def test_a_client_of_a_registry_may_send_parameters_of_its_own(
    api: httpx.AsyncClient, store: MemoryStore
) -> None:
    schema = schema_of(WorkflowControl)
    await store.schemas.upsert([schema])
    assert (await api.get(f"/schemas/ids/{schema.id}?fetchMaxId=false")).status_code == 200


@pytest.mark.parametrize(
    ("word", "jobs"),
    [("files.review.completed", 1), ("review", 1), ("files.review.completed x2", 0), (ITS_TURN, 0), (RESUMING, 0)],
)
async def test_jobs_are_found_by_a_word_of_what_they_wait_for(api: httpx.AsyncClient, word: str, jobs: int) -> None:
    query = {"waiting_for": word, "type": "CODE_REVIEW"}
    assert len((await api.get("/workflow-queue/jobs", params=query)).json()["jobs"]) == jobs


def test_what_runs_wait_for_is_what_the_orchestrator_says() -> None:
    assert {RESUMING, ITS_TURN, REDRIVE} < set(filters.WAITED_FOR)


@pytest.mark.parametrize("name", ["since", "until"])
async def test_a_moment_is_a_date_and_never_a_number(api: httpx.AsyncClient, name: str) -> None:
    for text in ("2030", "1893456000", "1e9", "yesterday", ""):
        refused = await api.get("/workflow-queue/jobs", params={name: text})
        assert refused.status_code == 422, text
        (detail,) = refused.json()["detail"]
        assert (detail["loc"][-1], "2030-01-31T12:00:00Z" in detail["msg"]) == (name, True)
    for text in ("2030-01-31", "2030-01-31T12:00", "2030-01-31T12:00:00Z", "2030-01-31T12:00:00+02:00"):
        assert (await api.get("/workflow-queue/jobs", params={name: text})).status_code == 200, text


async def test_a_page_behind_a_job_that_is_not_there_is_not_found(api: httpx.AsyncClient) -> None:
    for after in ("xyz", "x/yz"):
        refused = await api.get("/workflow-queue/jobs", params={"after": after})
        assert (refused.status_code, refused.json()["detail"]) == (404, f"there is no job {after}")


async def test_the_history_shows_every_attempt(api: httpx.AsyncClient, store: MemoryStore) -> None:
    row = ExecutionRow("run-1", Stage.AST, "", 1, ExecutionState.ANSWERED, "ok", asked_at=NOON, duration=1.5)
    store.tables.executions["run-1", Stage.AST, "", 1] = row
    told = (await api.get("/workflow-queue/jobs/run-1/history")).json()
    assert [(each["stage"], each["state"], each["duration"]) for each in told["history"]] == [("ast", "answered", 1.5)]


async def test_the_counts_name_every_status(api: httpx.AsyncClient) -> None:
    told = (await api.get("/workflow-queue/metrics")).json()
    assert told["runs"]["WAITING_FOR_EVENT"] == 1
    assert told["runs"]["FAILED"] == 0
    assert told["jobs"]["AST_ANALYSIS"] == {"COMPLETED": 1}
    assert told["stuck"] == 0


async def test_the_counts_tell_of_runs_that_are_past_their_deadline(api: httpx.AsyncClient, store: MemoryStore) -> None:
    (run,) = [row for row in store.tables.jobs.values() if row.parent_id is None and row.waiting_for]
    late = store.tables.now() - timedelta(minutes=2)
    store.tables.jobs[run.id] = replace(run, waiting_until=late)

    assert (await api.get("/workflow-queue/metrics")).json()["stuck"] == 1


@pytest.mark.parametrize(
    ("name", "action"),
    [
        ("cancel", ControlAction.CANCEL),
        ("pause", ControlAction.PAUSE),
        ("resume", ControlAction.RESUME),
        ("replay", ControlAction.RE_REVIEW),
    ],
)
async def test_a_wish_is_stored_with_who_asked_before_it_is_answered(
    api: httpx.AsyncClient, store: MemoryStore, name: str, action: ControlAction
) -> None:
    answer = await api.post(f"/workflow-queue/jobs/run-1/{name}", json={"reason": "why not"})
    assert answer.status_code == 202
    (fact,) = asked(store)
    assert (fact.action, fact.run_id, fact.actor, fact.reason) == (action, "run-1", "alice", "why not")
    (row,) = store.tables.outbox.values()
    assert (row.topic, row.key) == ("workflow.control", RUN.stream)


async def test_a_wish_needs_no_body_and_a_stage_leads_to_its_run(api: httpx.AsyncClient, store: MemoryStore) -> None:
    answer = await api.post(f"/workflow-queue/jobs/{STAGE.id}/cancel")
    assert answer.status_code == 202
    assert asked(store)[0].run_id == "run-1"


async def test_the_same_idempotency_key_is_one_wish(api: httpx.AsyncClient, store: MemoryStore) -> None:
    headers = {"idempotency-key": "k-1"}
    first = await api.post("/workflow-queue/jobs/run-1/cancel", headers=headers)
    second = await api.post("/workflow-queue/jobs/run-1/cancel", headers=headers)
    assert first.json()["event_id"] == second.json()["event_id"]
    assert (first.json()["new"], second.json()["new"]) == (True, False)
    assert len(store.tables.outbox) == 1


async def test_what_is_over_is_only_replayed(api: httpx.AsyncClient, store: MemoryStore) -> None:
    store.tables.jobs["run-1"] = replace(RUN, status=JobStatus.COMPLETED)
    for name in ("cancel", "pause", "resume", "retry"):
        answer = await api.post(f"/workflow-queue/jobs/run-1/{name}")
        assert answer.status_code == 409
        assert "replay" in answer.json()["detail"]
    assert (await api.post("/workflow-queue/jobs/run-1/replay")).status_code == 202


async def test_retry_asks_for_the_part_that_was_given_up(api: httpx.AsyncClient, store: MemoryStore) -> None:
    assert (await api.post("/workflow-queue/jobs/run-1/retry")).status_code == 409
    give_up(store, [(Stage.FILES_REVIEW, "3"), (Stage.FILES_REVIEW, "4")])
    vague = await api.post("/workflow-queue/jobs/run-1/retry")
    assert vague.status_code == 409
    assert "files_review/3, files_review/4" in vague.json()["detail"]
    named = await api.post("/workflow-queue/jobs/run-1/retry", json={"stage": "files_review", "part": "4"})
    assert named.status_code == 202
    (fact,) = asked(store)
    assert (fact.action, fact.stage, fact.part) == (ControlAction.RETRY, "files_review", "4")


_GIVEN_UP = ((Stage.AST, ""), (Stage.FILES_REVIEW, "3"), (Stage.FILES_REVIEW, "7"))


@pytest.mark.parametrize(
    ("named", "given_up", "retried"),
    [
        ({"part": "7"}, _GIVEN_UP, ("files_review", "7")),
        ({"stage": "ast"}, _GIVEN_UP, ("ast", "")),
        ({"stage": "files_review"}, _GIVEN_UP[:2], ("files_review", "3")),
        ({}, _GIVEN_UP[:1], ("ast", "")),
    ],
)
async def test_a_stage_or_a_part_is_enough_where_only_one_fits(
    api: httpx.AsyncClient,
    store: MemoryStore,
    named: dict[str, str],
    given_up: Sequence[tuple[Stage, str]],
    retried: tuple[str, str],
) -> None:
    give_up(store, given_up)
    assert (await api.post("/workflow-queue/jobs/run-1/retry", json=named)).status_code == 202
    (fact,) = asked(store)
    assert (fact.stage, fact.part) == retried


@pytest.mark.parametrize(
    ("named", "given_up", "told"),
    [
        ({"part": "7"}, _GIVEN_UP[:2], "no such part was given up; these were: ast, files_review/3"),
        ({"stage": "pr_review"}, _GIVEN_UP[:1], "no such part was given up; these were: ast"),
        ({"stage": "files_review"}, _GIVEN_UP, "name one by stage and part: files_review/3, files_review/7"),
        ({"part": "7"}, (), "no part of this run was given up"),
    ],
)
async def test_where_not_exactly_one_part_fits_the_candidates_are_told(
    api: httpx.AsyncClient,
    store: MemoryStore,
    named: dict[str, str],
    given_up: Sequence[tuple[Stage, str]],
    told: str,
) -> None:
    give_up(store, given_up)
    answer = await api.post("/workflow-queue/jobs/run-1/retry", json=named)
    assert answer.status_code == 409
    assert told in answer.json()["detail"]
    assert asked(store) == []


async def test_without_the_token_nothing_is_told(store: MemoryStore) -> None:
    async with client_of(store) as client:
        for headers in ({"authorization": ""}, {"authorization": "Bearer wrong"}, {"authorization": "Basic %%%"}):
            for path in ("/workflow-queue/jobs", "/workflow-queue/dead-letters", "/schemas/ids/1"):
                assert (await client.get(path, headers=headers)).status_code == 401
            assert (await client.post("/workflow-queue/jobs/run-1/cancel", headers=headers)).status_code == 401
    assert asked(store) == []


async def test_the_password_of_a_registry_client_is_a_token(store: MemoryStore) -> None:
    basic = base64.b64encode(b"kafka-ui:s3cret-token").decode()
    async with client_of(store) as client:
        assert (await client.get("/schemas/ids/1", headers={"authorization": f"Basic {basic}"})).status_code == 404


async def test_without_a_configured_token_only_this_host_is_answered(store: MemoryStore) -> None:
    open_to_here = Tokens()
    async with client_of(store, open_to_here, "127.0.0.1:3331") as here:
        assert (await here.get("/workflow-queue/jobs")).status_code == 200
        page = {"origin": "https://evil.example"}
        assert (await here.post("/workflow-queue/jobs/run-1/cancel", headers=page)).status_code == 403
    async with client_of(store, open_to_here, "rebound.example:3331") as rebound:
        assert (await rebound.get("/workflow-queue/jobs")).status_code == 403


def test_without_a_token_it_does_not_listen_to_others() -> None:
    environ = {"PENSTOCK_CONSOLE_HOST": "0.0.0.0"}
    with pytest.raises(SettingsError, match="PENSTOCK_API_TOKEN"):
        tokens_of(load(ConsoleSettings, environ))


async def test_a_schema_is_served_as_a_registry_does(api: httpx.AsyncClient, store: MemoryStore) -> None:
    schema = schema_of(WorkflowControl)
    await store.schemas.upsert([schema])
    assert (await api.get(f"/schemas/ids/{schema.id}")).json() == {"schema": schema.text}
    assert (await api.get("/schemas/ids/1")).json()["error_code"] == 40403


async def test_while_the_store_is_away_it_says_so(api: httpx.AsyncClient, store: MemoryStore) -> None:
    store.go_away()
    for answer in (await api.get("/workflow-queue/jobs"), await api.post("/workflow-queue/jobs/run-1/cancel")):
        assert answer.status_code == 503
        assert answer.headers["retry-after"]


async def test_the_description_of_the_api_names_every_path(api: httpx.AsyncClient) -> None:
    told = (await api.get("/openapi.json")).json()
    assert told["info"]["title"] == "Penstock jobs API"
    for name in ("cancel", "pause", "resume", "retry", "replay"):
        assert f"/workflow-queue/jobs/{{job_id}}/{name}" in told["paths"]
