"""`penstock jobs` against the real API, in process, on the store in memory."""

import io
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from penstock.cli import main
from penstock.operating.console import Console
from penstock.operating.ending import MISUSED, REFUSED, UNREACHABLE, code_of
from penstock.operating.errors import (
    ConsoleRefused,
    ConsoleUnable,
    ConsoleUnreachable,
    NoConsole,
    NotAdmitted,
    NotUnderstood,
)
from penstock.operating.jobs import Question, moment, perform
from penstock.operating.settings import ConsoleAddress
from penstock_console.api import build_app
from penstock_console.handler import Desk
from penstock_console.tokens import Tokens
from penstock_contracts.codec import Codec
from penstock_contracts.enums import ControlAction, ExecutionState, JobStatus, Stage, WorkflowType
from penstock_contracts.facts import WorkflowControl
from penstock_runtime.clock import ManualClock
from penstock_runtime.settings import load
from penstock_store.memory.store import MemoryStore
from penstock_store.rows import ExecutionRow
from tests.unit.penstock_console import place

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
NOW = NOON + timedelta(minutes=5)
RUN = replace(place.RUN, waiting_since=NOON, created_at=NOON)
OVER = replace(
    RUN, id="run-2", status=JobStatus.COMPLETED, outcome="reviewed", waiting_for="", finished_at=NOON, stage=""
)
ATTEMPT = ExecutionRow(
    "run-1",
    Stage.FILES_REVIEW,
    "3",
    2,
    ExecutionState.GIVEN_UP,
    reason="no answer\x1b[2J",
    asked_at=NOON,
    answered_at=NOON + timedelta(seconds=2),
)


@pytest.fixture
def store() -> MemoryStore:
    made = MemoryStore(ManualClock())
    for row in (RUN, OVER, replace(RUN, id="stage-1", parent_id="run-1", type=WorkflowType.FILES_REVIEW)):
        made.tables.jobs[row.id] = row
    made.tables.executions["run-1", Stage.FILES_REVIEW, "3", 2] = ATTEMPT
    return made


def console_of(store: MemoryStore, token: str = "s3cret") -> Console:
    app = build_app(Desk(store, Codec()), Tokens.read("alice s3cret"))
    return Console("http://console.test", token, httpx.ASGITransport(app))


@pytest.fixture
async def console(store: MemoryStore) -> AsyncIterator[Console]:
    async with console_of(store) as opened:
        yield opened


async def said(console: Console, *words: str, as_json: bool = False, **more: dict[str, str]) -> str:
    out = io.StringIO()
    assert await perform(Question(words, as_json=as_json, **more), console, NOW, out) == 0
    return out.getvalue()


def asked(store: MemoryStore) -> list[WorkflowControl]:
    facts = [Codec().decode(row.headers, row.value).fact for row in store.tables.outbox.values()]
    return [fact for fact in facts if isinstance(fact, WorkflowControl)]


async def test_runs_are_listed_with_what_they_wait_for(console: Console) -> None:
    lines = (await said(console, filters={"type": "CODE_REVIEW"})).splitlines()
    assert lines[0].split() == ["id", "status", "result", "pull", "request", "opened", "waits", "for"]
    assert sorted(line.split()[0] for line in lines[1:]) == ["run-1", "run-2"]
    (waiting,) = [line for line in lines if line.startswith("run-1")]
    assert "github:acme/shop#7" in waiting
    assert "5 min ago" in waiting
    assert waiting.endswith("files.review.completed")


async def test_ls_lists_as_nothing_does(console: Console) -> None:
    assert await said(console, "ls") == await said(console)


async def test_filters_are_the_apis(console: Console) -> None:
    shown = await said(console, filters={"status": "COMPLETED"}, as_json=True)
    assert [job["id"] for job in json.loads(shown)["jobs"]] == ["run-2"]
    assert await said(console, filters={"repository": "acme/other"}) == "no jobs\n"


async def test_a_list_that_is_cut_tells_how_to_go_on(console: Console) -> None:
    assert "more: --after run-" in await said(console, filters={"type": "CODE_REVIEW", "limit": "1"})


async def test_a_list_behind_a_job_that_is_not_there_is_refused(console: Console) -> None:
    with pytest.raises(ConsoleRefused, match=r"^there is no job x/yz$"):
        await said(console, filters={"after": "x/yz"})


async def test_a_filter_that_the_api_does_not_take_is_refused_by_name(console: Console) -> None:
    with pytest.raises(NotUnderstood, match="limit: "):
        await said(console, filters={"limit": "0"})


@pytest.mark.parametrize(
    ("filters", "told"),
    [
        ({"waiting_for": "nonsense"}, "nothing waits for that; .* ast.completed"),
        ({"since": "2030-01-01T10:00", "until": "2030-01-01T09:00"}, "since has to be before until"),
    ],
)
async def test_a_filter_that_can_only_find_nothing_is_refused(
    console: Console, filters: dict[str, str], told: str
) -> None:
    with pytest.raises(NotUnderstood, match=told):
        await said(console, filters=filters)


async def test_one_run_is_shown_with_its_stages_and_attempts(console: Console) -> None:
    shown = await said(console, "run-1")
    assert "CODE_REVIEW run-1  github:acme/shop#7" in shown
    assert "waits for    files.review.completed, for 5 min" in shown
    assert "stage-1" in shown
    (attempt,) = [line for line in shown.splitlines() if "given_up" in line]
    assert attempt.split()[:6] == ["files_review", "3", "2", "given_up", "2.0", "s"]


async def test_what_a_stranger_wrote_cannot_move_the_cursor(console: Console) -> None:
    shown = await said(console, "run-1")
    assert "\x1b" not in shown
    assert r"no answer\x1b[2J" in shown


async def test_a_run_as_json_has_its_history(console: Console) -> None:
    told = json.loads(await said(console, "run-1", as_json=True))
    assert told["job"]["id"] == "run-1"
    assert [row["part"] for row in told["history"]] == ["3"]


@pytest.mark.parametrize(
    ("word", "action"),
    [
        ("cancel", ControlAction.CANCEL),
        ("pause", ControlAction.PAUSE),
        ("resume", ControlAction.RESUME),
        ("replay", ControlAction.RE_REVIEW),
    ],
)
async def test_what_is_asked_of_a_run_is_put_on_its_way(
    console: Console, store: MemoryStore, word: str, action: ControlAction
) -> None:
    told = await said(console, word, "run-1", wanted={"reason": "why not"})
    assert told.startswith(f"asked to {word} run-1 as alice")
    (fact,) = asked(store)
    assert (fact.action, fact.actor, fact.reason) == (action, "alice", "why not")


async def test_a_retry_names_its_part(console: Console, store: MemoryStore) -> None:
    await said(console, "retry", "run-1", wanted={"stage": "files_review", "part": "3"})
    (fact,) = asked(store)
    assert (fact.action, fact.stage, fact.part) == (ControlAction.RETRY, "files_review", "3")


async def test_what_is_over_is_refused_with_the_way_on(console: Console) -> None:
    with pytest.raises(ConsoleRefused, match="replay") as refused:
        await said(console, "cancel", "run-2")
    assert code_of(refused.value) == REFUSED


@pytest.mark.parametrize("job_id", ["nobody", "../metrics", "a b?c=d", "", "."])
async def test_an_unknown_id_is_refused_whatever_is_in_it(console: Console, job_id: str) -> None:
    with pytest.raises(ConsoleRefused, match="there is no job"):
        await said(console, job_id)


@pytest.mark.parametrize("words", [("cancel",), ("explode", "run-1"), ("cancel", "run-1", "run-2")])
async def test_words_that_mean_nothing_are_answered_with_those_that_do(
    console: Console, words: tuple[str, ...]
) -> None:
    with pytest.raises(NotUnderstood, match=r"cancel|give an id") as refused:
        await said(console, *words)
    assert code_of(refused.value) == MISUSED


async def test_a_wrong_token_is_told_with_the_variable_to_set(store: MemoryStore) -> None:
    async with console_of(store, token="wrong") as console:
        with pytest.raises(NotAdmitted, match="PENSTOCK_API_TOKEN") as refused:
            await said(console)
    assert code_of(refused.value) == MISUSED


async def test_while_the_database_is_away_the_api_says_so(console: Console, store: MemoryStore) -> None:
    store.go_away()
    with pytest.raises(ConsoleUnable, match="the database cannot be asked at the moment") as refused:
        await said(console)
    assert code_of(refused.value) == UNREACHABLE


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, html="<h1>It works</h1>"),
        httpx.Response(302, headers={"location": "https://login.test/"}),
        httpx.Response(400, html="<h1>no</h1>"),
        httpx.Response(404, html="<h1>not here</h1>"),
        httpx.Response(404, json={"detail": "Not Found"}),
        httpx.Response(404, json={"detail": [{"loc": []}]}),
        httpx.Response(405, json={"detail": "Method Not Allowed"}),
    ],
)
async def test_an_answer_that_is_not_the_apis_says_to_name_its_address(answer: httpx.Response) -> None:
    async with Console("http://elsewhere.test", "", httpx.MockTransport(lambda _: answer)) as console:
        with pytest.raises(NoConsole, match=r"elsewhere\.test is not the jobs API.*--url") as refused:
            await said(console)
    assert code_of(refused.value) == MISUSED


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_what_stands_before_the_api_and_fails_is_no_api_that_has_to_be_started(status: int) -> None:
    page = httpx.MockTransport(lambda _: httpx.Response(status, html="<h1>Service Unavailable</h1>"))
    async with Console("http://console.test", "", page) as console:
        with pytest.raises(ConsoleUnable, match=rf"console\.test cannot do this now \(HTTP {status}\)") as refused:
            await said(console)
    assert "start it" not in str(refused.value)
    assert code_of(refused.value) == UNREACHABLE


async def test_silence_is_told_with_how_long_it_was() -> None:
    def silent(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("", request=request)

    async with Console("http://console.test", "", httpx.MockTransport(silent)) as console:
        with pytest.raises(ConsoleUnreachable, match=r"no answer within 15 s"):
            await said(console)


def test_where_nobody_listens_the_command_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PENSTOCK_CONSOLE_URL", raising=False)
    assert main(["jobs", "--url", "http://127.0.0.1:1"]) == UNREACHABLE
    told = capsys.readouterr().err
    assert told.startswith("penstock jobs: no jobs API answers at http://127.0.0.1:1")
    assert "PENSTOCK_CONSOLE_URL" in told


@pytest.mark.parametrize(
    ("environ", "base", "bearer"),
    [
        ({}, "http://127.0.0.1:3331", ""),
        ({"PENSTOCK_CONSOLE_PORT": "8080"}, "http://127.0.0.1:8080", ""),
        ({"PENSTOCK_CONSOLE_URL": "https://penstock.example.org/"}, "https://penstock.example.org", ""),
        ({"PENSTOCK_API_TOKEN": "t0ken"}, "http://127.0.0.1:3331", "t0ken"),
        ({"PENSTOCK_API_TOKEN": "alice t0ken\nbob other"}, "http://127.0.0.1:3331", "t0ken"),
    ],
)
def test_the_address_and_the_token_come_from_the_environment(environ: dict[str, str], base: str, bearer: str) -> None:
    address = load(ConsoleAddress, environ)
    assert (address.base(), address.bearer()) == (base, bearer)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2h", NOW - timedelta(hours=2)),
        ("7d", NOW - timedelta(days=7)),
        ("2030-01-01T12:00+00:00", NOON),
    ],
)
def test_a_moment_is_so_long_ago_or_a_date(text: str, expected: datetime) -> None:
    assert moment(text, NOW) == expected


@pytest.mark.parametrize("text", ["yesterday", "2030"])
def test_a_moment_that_is_none_is_refused_with_examples(text: str) -> None:
    with pytest.raises(NotUnderstood, match="2030-01-31"):
        moment(text, NOW)
