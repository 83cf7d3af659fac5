"""Mirrors of a real Git server: passwords, failures, servers that offer less, and kill -9."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock_sources.errors import (
    AccessRefused,
    CommitNotFound,
    SourceError,
    SourceThrottled,
    SourceUnavailable,
)
from penstock_sources.limits import Limits
from penstock_sources.mirrors import GitMirrors
from penstock_sources.ports import Credential, FixedCredential, Repository
from tests.suites.sources import ABSENT, FILE_BYTES, SourcesSuite, Workshop
from tests.support.git_http import GitHttp
from tests.support.git_repositories import GitRepository, git
from tests.support.waiting import eventually

LIMITS = Limits(file_bytes=FILE_BYTES, protocols=("http",))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitHttp]:
    with GitHttp(tmp_path).serving() as server:
        yield server


@pytest.fixture
def served(tmp_path: Path) -> GitRepository:
    return GitRepository.bare(tmp_path / "served.git")


def repository_on(server: GitHttp, secret: str = "hunter2") -> Repository:
    return Repository("forge/7", server.url("served.git"), FixedCredential(Credential("bot", secret)))


class TestGitMirrorsOverHttp(SourcesSuite):
    @pytest.fixture
    def workshop(self, server: GitHttp, served: GitRepository, tmp_path: Path) -> Workshop:
        return Workshop(GitMirrors(tmp_path / "mirrors", LIMITS), repository_on(server), served.commit)


class TestGitMirrorsOfAnOldServer(TestGitMirrorsOverHttp):
    @pytest.fixture
    def server(self, tmp_path: Path) -> Iterator[GitHttp]:
        with GitHttp(tmp_path, newest_protocol=False).serving() as server:
            yield server


async def test_a_wrong_password_is_access_refused(server: GitHttp, served: GitRepository, tmp_path: Path) -> None:
    commit = served.commit({"a": b"1\n"})
    mirrors = GitMirrors(tmp_path / "mirrors", LIMITS)
    with pytest.raises(AccessRefused) as refused:
        await mirrors.ensure(repository_on(server, "wrong-secret"), commit)
    assert "wrong-secret" not in str(refused.value)
    await mirrors.ensure(repository_on(server), commit)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (500, SourceUnavailable),
        (503, SourceUnavailable),
        (429, SourceThrottled),
        (404, AccessRefused),
    ],
)
async def test_each_answer_of_a_server_has_its_error(
    server: GitHttp, served: GitRepository, tmp_path: Path, status: int, error: type[SourceError]
) -> None:
    server.status = status
    with pytest.raises(error):
        await GitMirrors(tmp_path / "mirrors", LIMITS).ensure(repository_on(server), served.commit({"a": b"1\n"}))


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("", SourceUnavailable),
        ("Forbidden", SourceUnavailable),
        ("You have exceeded a secondary rate limit. Please wait a few minutes before you try again.", SourceThrottled),
        ("Too many requests with this token.", SourceThrottled),
        ("Permission to acme/shop.git denied to bot.", AccessRefused),
        ("Write access to repository not granted.", AccessRefused),
        ("The 'acme' organization has enabled or enforced SAML SSO.", AccessRefused),
    ],
)
async def test_a_403_is_permanent_only_where_it_is_about_the_credential(
    server: GitHttp, served: GitRepository, tmp_path: Path, said: str, error: type[SourceError]
) -> None:
    server.status, server.said = 403, said
    repository = Repository("forge/7", server.url("token-denied.git"))
    with pytest.raises(SourceError) as refused:
        await GitMirrors(tmp_path / "mirrors", LIMITS).ensure(repository, served.commit({"a": b"1\n"}))
    assert type(refused.value) is error


async def test_a_server_that_is_away_is_unavailable(tmp_path: Path) -> None:
    with GitHttp(tmp_path).serving() as server:
        gone = repository_on(server)
    with pytest.raises(SourceUnavailable):
        await GitMirrors(tmp_path / "mirrors", LIMITS).ensure(gone, ABSENT)


async def test_an_old_server_gives_the_heads_of_its_pull_requests(served: GitRepository, tmp_path: Path) -> None:
    base = served.commit({"a": b"1\n"})
    head = served.commit({"a": b"2\n"}, (base,))
    git(served.folder, "update-ref", "refs/pull/7/head", head)
    git(served.folder, "update-ref", "refs/heads/branch-2", base)
    with GitHttp(tmp_path, newest_protocol=False).serving() as server:
        mirrors = GitMirrors(tmp_path / "mirrors", LIMITS)
        assert await mirrors.text(repository_on(server), head, "a") == b"2\n"
        with pytest.raises(CommitNotFound):
            await mirrors.ensure(repository_on(server), ABSENT)


BRINGING = """
import asyncio, sys
from pathlib import Path
from penstock_sources.limits import Limits
from penstock_sources.mirrors import GitMirrors
from penstock_sources.ports import Repository
root, url, commit = sys.argv[1:]
asyncio.run(GitMirrors(Path(root), Limits(protocols=("file",))).ensure(Repository("forge/7", url), commit))
"""


@pytest.mark.parametrize("moment", range(5))
async def test_a_mirror_survives_the_death_of_whoever_makes_it(
    served: GitRepository, tmp_path: Path, moment: int
) -> None:
    parents: tuple[str, ...] = ()
    for number in range(20):
        parents = (served.commit({f"f{number}": os.urandom(50_000)}, parents),)
    (commit,) = parents
    root = tmp_path / "mirrors"
    url = f"file://{served.folder}"
    signs = ["*.lock", "*.building", "*.building/HEAD", "*.building/objects/pack/*", "*.git"]
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", BRINGING, str(root), url, commit)
    await eventually(lambda: process.returncode is not None or any(root.glob(signs[moment])))
    if process.returncode is None:
        process.send_signal(signal.SIGKILL)
    await process.wait()
    mirrors = GitMirrors(root, Limits(protocols=("file",)))
    assert await mirrors.text(Repository("forge/7", url), commit, "f19") is not None
    assert not any(root.glob("*.building"))
