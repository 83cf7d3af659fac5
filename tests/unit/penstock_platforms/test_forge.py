"""The forge itself: what tests of everything else rely on."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from penstock_contracts.enums import PullRequestKind
from penstock_contracts.facts import PrReceived, PullRequestRef
from penstock_platforms.errors import AnchorsRefused, MaybeSent, RateLimited
from penstock_platforms.forge.faults import Fault, FaultKind
from penstock_platforms.forge.git import environment
from penstock_platforms.forge.hooks import Delivery, Hook
from penstock_platforms.forge.model import Pull, Repository
from penstock_platforms.forge.server import TOKEN, Forge
from penstock_platforms.github import webhook
from penstock_platforms.github.client import GitHub
from penstock_platforms.ports import InlineComment, StatusState
from penstock_platforms.webhooks import Ignored

HOOK = Hook("http://ingest.invalid/webhooks/github", "hook secret")
MARKER = "<!-- penstock:forge -->"


@pytest.fixture
async def forge(tmp_path: Path) -> AsyncIterator[Forge]:
    async with Forge(tmp_path, port=None) as forge:
        yield forge


@pytest.fixture
async def client(forge: Forge) -> AsyncIterator[GitHub]:
    client = connected(forge)
    yield client
    await client.aclose()


def connected(forge: Forge) -> GitHub:
    return GitHub.connect(TOKEN, url=forge.api_url, transport=forge.transport())


async def opened(forge: Forge, *, title: str = "Two", author: str = "alice") -> tuple[Repository, Pull, PullRequestRef]:
    world = forge.world
    repository = await world.create_repository("acme/shop", {"a.py": "1\n2\n3\n"})
    pull = await world.open_pull_request(repository, title=title, author=author, files={"a.py": "1\ntwo\n3\n"})
    return repository, pull, PullRequestRef("github", "forge", str(repository.id), "acme/shop", pull.number)


def told(forge: Forge, delivery: Delivery) -> PrReceived | Ignored:
    """The webhook as ingest would take it: verified, then normalised."""
    request = forge.hooks.request(delivery, HOOK)
    body, headers = request.read(), dict(request.headers)
    webhook.verify(headers, body, [HOOK.secret.encode()])
    return webhook.normalise(headers, body, "forge")


# --- webhooks ---


async def test_everything_people_do_comes_as_a_webhook_that_ingest_understands(forge: Forge) -> None:
    repository, pull, _ = await opened(forge)
    world = forge.world
    await world.push_branch(repository, "next", {"b": "c"})
    pull = await world.push(repository, pull, {"b.py": "x\n"})
    pull = await world.retarget(repository, pull, "next")
    world.edit(repository, pull, title="Other", body="")
    world.close(repository, pull)
    world.reopen(repository, pull)
    world.mark_ready(repository, pull)
    world.comment(repository, pull, author="alice", body="/penstock review")
    world.comment(repository, pull, author="penstock-bot", body=f"/penstock review {MARKER}")
    await world.merge(repository, pull)
    results = [told(forge, delivery) for delivery in forge.hooks.deliveries()]
    assert [result.kind if isinstance(result, PrReceived) else None for result in results] == [
        PullRequestKind.OPENED,
        PullRequestKind.UPDATED,
        PullRequestKind.RETARGETED,
        None,
        PullRequestKind.CLOSED,
        PullRequestKind.REOPENED,
        PullRequestKind.READY,
        PullRequestKind.COMMAND,
        None,
        PullRequestKind.MERGED,
    ]
    assert len({result.delivery_id for result in results}) == len(results)


async def test_what_the_client_says_comes_back_and_triggers_nothing(forge: Forge, client: GitHub) -> None:
    _, pull, ref = await opened(forge)
    await client.create_comment(ref, MARKER)
    await client.submit_review(ref, commit=pull.head, body=MARKER, comments=(InlineComment("a.py", 2, MARKER),))
    events = [delivery.event for delivery in forge.hooks.deliveries()[1:]]
    assert events == ["issue_comment", "pull_request_review_comment", "pull_request_review"]
    assert all(isinstance(told(forge, delivery), Ignored) for delivery in forge.hooks.deliveries()[1:])


async def test_webhooks_are_tried_once_and_sent_again_under_the_same_id(tmp_path: Path) -> None:
    received: list[str] = []

    async def ingest(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        received.append(head.partition("x-github-delivery: ")[2].partition("\r\n")[0])
        status = "503 Away" if len(received) == 1 else "202 Accepted"
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(ingest, "127.0.0.1", 0)
    hook = Hook(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/webhooks/github", "s")
    async with server, Forge(tmp_path, port=None, hook=hook) as forge:
        await opened(forge)
        await forge.hooks.idle()
        (delivery,) = forge.hooks.deliveries()
        assert delivery.attempts == [503]
        assert [forge.hooks.redeliver_failed() for _ in range(3)] == [1, 0, 0]  # one that is on its way is not sent
        await forge.hooks.idle()
        assert delivery.attempts == [503, 202]
        assert forge.hooks.redeliver_failed() == 0
    assert received == [delivery.guid, delivery.guid]


# --- the ledger, and what outlives a restart ---


async def test_the_ledger_tells_what_was_written_and_whether_it_was_answered(forge: Forge, client: GitHub) -> None:
    _, pull, ref = await opened(forge)
    await client.create_comment(ref, f"hello {MARKER}")
    forge.faults.add(Fault(FaultKind.RESET_AFTER, path="/statuses/"))
    with pytest.raises(MaybeSent):
        await client.set_status(ref, pull.head, state=StatusState.PENDING, context="penstock", description="")
    with pytest.raises(AnchorsRefused):
        await client.submit_review(ref, commit=pull.head, body="", comments=(InlineComment("a.py", 99, MARKER),))
    entries = forge.ledger.entries()
    assert [(entry.sequence, entry.kind, entry.status, entry.answered, entry.landed) for entry in entries] == [
        (1, "comment.created", 201, True, True),
        (2, "status.set", 201, False, True),
        (3, "review.submitted", 422, True, False),
    ]
    assert {(entry.pull_request, entry.head, entry.repository) for entry in entries} == {
        (pull.number, pull.head, "acme/shop")
    }
    assert [entry.marker for entry in entries] == [MARKER, "", MARKER]
    assert entries[1].detail == "penstock=pending"


async def test_a_forge_that_was_closed_is_there_again_with_everything_said(tmp_path: Path) -> None:
    async with Forge(tmp_path, port=None) as first:
        repository, pull, ref = await opened(first)
        said = connected(first)
        await said.create_comment(ref, "kept")
        gone = await said.create_comment(ref, "deleted")
        await said.delete_comment(ref, gone.comment_id)
        await said.submit_review(ref, commit=pull.head, body="seen", comments=(InlineComment("a.py", 2, "why"),))
        first.world.rename_repository(repository, "acme/store")
    with (tmp_path / "state.jsonl").open("a") as journal:
        journal.write('{"put": "Comm')
    async with Forge(tmp_path, port=None) as second:
        client = connected(second)
        assert [each.body for each in await client.comments(ref)] == ["kept"]
        assert [each.body for each in await client.review_comments(ref)] == ["why"]
        assert [entry.sequence for entry in second.ledger.entries()] == [1, 2, 3, 4]
        again = await second.world.open_pull_request(second.world.repository("acme/store"), title="Next", files={})
        assert again.number == pull.number + 1
        comment = await client.create_comment(ref, "after")
        assert int(comment.comment_id) > int(gone.comment_id)


# --- heads ---


async def test_a_head_can_go_back_to_where_it_was(forge: Forge, client: GitHub) -> None:
    repository, pull, ref = await opened(forge)
    first = pull.head
    pull = await forge.world.push(repository, pull, {"a.py": "1\nII\n3\n"})
    pull = await forge.world.move_head(repository, pull, first)
    assert (await client.pull_request(ref)).head == first
    last = json.loads(forge.hooks.deliveries()[-1].body)
    assert (last["action"], last["after"]) == ("synchronize", first)


async def test_a_forced_push_leaves_the_old_head_behind(forge: Forge) -> None:
    repository, pull, _ = await opened(forge)
    moved = await forge.world.force_push(repository, pull, {"a.py": "one\n2\n3\n"})
    assert await forge.world.git(repository).merge_base(pull.head, moved.head) == pull.base
    assert await forge.world.git(repository).file(pull.head, "a.py") == b"1\ntwo\n3\n"


async def test_deleting_the_branch_keeps_the_pull_request_readable(forge: Forge, client: GitHub) -> None:
    repository, pull, ref = await opened(forge)
    await forge.world.delete_branch(repository, pull.head_ref)
    assert await client.file(ref, "a.py", pull.head) == b"1\ntwo\n3\n"
    assert [each.path for each in await client.changed_files(ref)] == ["a.py"]


# --- allowances ---


async def test_who_used_up_the_hour_is_refused_until_its_end(tmp_path: Path) -> None:
    async with Forge(tmp_path, port=None, requests_per_hour=2) as forge:
        client = connected(forge)
        await client.account()
        await client.account()
        with pytest.raises(RateLimited) as raised:
            await client.account()
        assert raised.value.retry_after is not None
        assert 0 <= raised.value.retry_after <= 3600


async def test_a_fault_hits_only_what_it_names_and_as_often_as_it_says(forge: Forge, client: GitHub) -> None:
    _, _, ref = await opened(forge)
    forge.faults.add(Fault(FaultKind.STATUS, method="POST", path="/comments$", status=503, times=2, skip=1))
    await client.create_comment(ref, "passes")
    for _ in range(2):
        with pytest.raises(MaybeSent):
            await client.create_comment(ref, "hit")
    await client.create_comment(ref, "passes again")
    assert [each.body for each in await client.comments(ref)] == ["passes", "passes again"]
    assert forge.faults.fired == {FaultKind.STATUS: 2}
    assert forge.faults.waiting == ()


# --- Git over HTTP, pages, a process of its own ---


async def run_git(*arguments: str, cwd: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        "git", *arguments, cwd=cwd, env=environment(), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, complaint = await process.communicate()
    assert process.returncode == 0, complaint.decode()
    return out.decode()


async def test_git_clones_partially_and_fetches_any_commit_by_its_id(tmp_path: Path) -> None:
    async with Forge(tmp_path / "forge") as forge:
        repository, pull, _ = await opened(forge)
        await forge.world.force_push(repository, pull, {"a.py": "gone\n"})
        address = f"{forge.url}/acme/shop.git"
        await run_git("clone", "--quiet", "--bare", "--filter=blob:none", address, "mirror", cwd=tmp_path)
        mirror = tmp_path / "mirror"
        await run_git("fetch", "--quiet", "origin", pull.head, cwd=mirror)
        assert "?" in await run_git("rev-list", "--objects", "--missing=print", pull.head, cwd=mirror)
        assert await run_git("show", f"{pull.head}:a.py", cwd=mirror) == "1\ntwo\n3\n"


async def test_git_is_told_in_its_own_words_that_a_commit_is_not_there(tmp_path: Path) -> None:
    async with Forge(tmp_path / "forge") as forge:
        await opened(forge)
        await run_git("init", "--quiet", "--bare", "mirror", cwd=tmp_path)
        with pytest.raises(AssertionError, match="not our ref"):
            await run_git("fetch", f"{forge.url}/acme/shop.git", "1" * 40, cwd=tmp_path / "mirror")


async def test_a_private_repository_wants_a_token(tmp_path: Path) -> None:
    async with Forge(tmp_path / "forge") as forge:
        await forge.world.create_repository("acme/secret", {"a": "b"}, private=True)
        with pytest.raises(AssertionError):
            await run_git("clone", "--quiet", f"{forge.url}/acme/secret.git", "refused", cwd=tmp_path)
        signed = f"{forge.url}/acme/secret.git".replace("http://", f"http://x-access-token:{TOKEN}@")
        await run_git("clone", "--quiet", signed, "allowed", cwd=tmp_path)
        assert (tmp_path / "allowed" / "a").read_text() == "b"


async def test_a_push_moves_the_head_of_the_pull_request_and_a_new_branch_can_be_asked_for(tmp_path: Path) -> None:
    async with Forge(tmp_path / "forge") as forge:
        repository, pull, _ = await opened(forge)
        signed = f"{forge.url}/acme/shop.git".replace("http://", f"http://x:{TOKEN}@")
        await run_git("clone", "--quiet", "--branch", pull.head_ref, signed, "work", cwd=tmp_path)
        work = tmp_path / "work"
        person = ("-c", "user.name=Dora", "-c", "user.email=dora@example.org")
        await run_git(*person, "commit", "--quiet", "--allow-empty", "--message", "Nothing", cwd=work)
        await run_git("push", "--quiet", "origin", f"HEAD:{pull.head_ref}", "HEAD:work/item-1", cwd=work)
        head = (await run_git("rev-parse", "HEAD", cwd=work)).strip()
        moved = forge.world.pull(repository, pull.number)
        assert moved.head == head
        assert json.loads(forge.hooks.deliveries()[-1].body)["action"] == "synchronize"
        assert [entry.kind for entry in forge.ledger.entries()] == ["branch.pushed"]
        async with httpx.AsyncClient(headers={"Authorization": f"token {TOKEN}"}) as http:
            wanted = {"title": "Item 1", "head": "work/item-1", "base": "main"}
            first, second = [await http.post(f"{forge.api_url}/repos/acme/shop/pulls", json=wanted) for _ in range(2)]
        assert (first.status_code, first.json()["head"]["sha"]) == (201, head)
        assert (second.status_code, "already exists" in second.text) == (422, True)


async def test_pages_show_everything_said_and_let_nothing_become_markup(forge: Forge, client: GitHub) -> None:
    evil = "<script>alert(1)</script>"
    repository, pull, ref = await opened(forge, title=f"Title {evil}", author=f"a{evil}")
    await forge.world.push(repository, pull, {f"{evil}.txt": f"{evil}\n"})
    head = (await client.pull_request(ref)).head
    await client.create_comment(ref, f"**Summary** {evil} {MARKER}")
    inline = InlineComment("a.py", 2, f"Use this:\n```suggestion\n2\n```\n[x](javascript:alert(1)) {evil}")
    await client.submit_review(ref, commit=head, body="<details><summary>More</summary></details>", comments=(inline,))
    await client.set_status(ref, head, state=StatusState.SUCCESS, context="penstock", description=f"done {evil}")
    async with httpx.AsyncClient(transport=forge.transport(), base_url=forge.url, follow_redirects=True) as http:
        listing, page = await http.get("/"), await http.get(f"/acme/shop/pull/{pull.number}")
        style = await http.get("/_static/forge.css")
    for answer in (listing, page):
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "<script" not in answer.text
        assert "&lt;script&gt;" in answer.text
    for piece in ("<strong>Summary</strong>", "language-suggestion", "<summary>More</summary>", "done &lt;script"):
        assert piece in page.text
    assert MARKER not in page.text
    assert 'href="javascript' not in page.text
    assert style.status_code == 200


async def test_the_forge_runs_as_a_process_of_its_own(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "penstock_platforms.forge", "--root", str(tmp_path / "forge"))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(20):
            url = (await process.stdout.readline()).decode().split()[1]
        async with httpx.AsyncClient(base_url=f"{url}/_forge") as http:
            await http.post("/repositories", json={"name": "acme/shop", "files": {"a.py": "1\n2\n"}})
            files = {"a.py": "1\ntwo\n", "b.bin": {"base64": "AAEC"}}
            pulls = "/repositories/acme/shop/pulls"
            pull = (await http.post(pulls, json={"title": "Two", "files": files})).json()
            pushed = (await http.post(f"{pulls}/1/push", json={"files": {"a.py": None}})).json()
            moved = (await http.post(f"{pulls}/1/move", json={"sha": pull["head"]["sha"]})).json()
            assert pull["head"]["sha"] == moved["head"]["sha"] != pushed["head"]["sha"]
            await http.post("/faults", json={"kind": "status", "status": 500, "path": "/user"})
            wrong = await http.post("/faults", json={"kind": "earthquake"})
            assert (wrong.status_code, "reset_after" in wrong.text) == (422, True)
            asked = await http.get(f"{url}/api/v3/user", headers={"Authorization": f"Bearer {TOKEN}"})
            assert asked.status_code == 500
            assert (await http.get("/faults")).json() == {"waiting": [], "fired": {"status": 1}}
            assert (await http.post(f"{pulls}/1/comment", json={"body": "/penstock review"})).status_code == 201
            assert (await http.post(f"{pulls}/1/close", json={})).json()["state"] == "closed"
            events = [each["event"] for each in (await http.get("/deliveries")).json()]
            assert events == ["pull_request", "pull_request", "pull_request", "issue_comment", "pull_request"]
            assert (await http.get("/ledger")).json() == []
            assert (await http.post(f"{pulls}/9/close", json={})).status_code == 404
    finally:
        process.terminate()
        assert await process.wait() == 0


async def test_a_burst_of_pull_requests_is_numbered_without_gaps(forge: Forge) -> None:
    repository, _, _ = await opened(forge)
    world = forge.world
    await asyncio.gather(
        *(world.open_pull_request(repository, title=f"{n}", files={f"{n}": f"{n}"}) for n in range(60))
    )
    assert [pull.number for pull in world.pulls(repository)] == list(range(1, 62))
    assert len({pull.head for pull in world.pulls(repository)}) == 61
