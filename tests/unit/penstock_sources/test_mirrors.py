"""What a mirror on a disk that others share has to bear."""

import asyncio
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from penstock_changes.diffs import parse_diff
from penstock_changes.model import ChangeStatus, ContentKind
from penstock_sources.errors import (
    AccessRefused,
    InvalidRepository,
    SourceTimeout,
    SourceTooLarge,
    SourceUnavailable,
)
from penstock_sources.limits import Limits
from penstock_sources.mirrors import GitMirrors
from penstock_sources.ports import Credential, FixedCredential, Repository
from tests.support.git_repositories import EXECUTABLE, SUBMODULE, SYMLINK, GitRepository, git
from tests.support.waiting import eventually

LIMITS = Limits(protocols=("file",))


@pytest.fixture
def served(tmp_path: Path) -> GitRepository:
    return GitRepository.bare(tmp_path / "served.git")


@pytest.fixture
def repository(served: GitRepository) -> Repository:
    return Repository("forge/7", f"file://{served.folder}")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "mirrors"


@pytest.fixture
def mirrors(root: Path) -> GitMirrors:
    return GitMirrors(root, LIMITS)


def mirror_of(root: Path) -> Path:
    (mirror,) = root.glob("*.git")
    return mirror


@contextmanager
def locked_by_somebody(root: Path) -> Iterator[None]:
    (lock,) = root.glob("*.lock")
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


async def test_contents_are_left_out_until_they_are_read(
    served: GitRepository, repository: Repository, mirrors: GitMirrors, root: Path
) -> None:
    files = {f"f{number}": b"content %d\n" % number for number in range(30)}
    commit = served.commit(files)
    await mirrors.ensure(repository, commit)
    assert len(list(mirror_of(root).glob("objects/pack/*.pack"))) == 1
    listed = git(mirror_of(root), "rev-list", "--objects", "--missing=print", "--all").decode()
    assert listed.count("?") == 30

    assert await mirrors.texts(repository, commit, files) == files
    assert len(list(mirror_of(root).glob("objects/pack/*.pack"))) == 2, "all contents come in one transfer"


async def test_what_is_here_is_read_without_the_server(
    served: GitRepository, repository: Repository, mirrors: GitMirrors, tmp_path: Path
) -> None:
    base = served.commit({"a": b"1\n"})
    head = served.commit({"a": b"2\n"}, (base,))
    diff = await mirrors.diff(repository, base, head)
    served.folder.rename(tmp_path / "away")
    await mirrors.ensure(repository, base, head)
    assert await mirrors.diff(repository, base, head) == diff
    assert await mirrors.text(repository, head, "a") == b"2\n"


async def test_a_renamed_repository_keeps_its_mirror(
    served: GitRepository, repository: Repository, mirrors: GitMirrors, root: Path, tmp_path: Path
) -> None:
    base = served.commit({"a": b"1\n"})
    await mirrors.ensure(repository, base)
    moved = GitRepository(served.folder.rename(tmp_path / "renamed.git"), 1)
    head = moved.commit({"a": b"2\n"}, (base,))
    renamed = replace(repository, clone_url=f"file://{moved.folder}")
    assert await mirrors.text(renamed, head, "a") == b"2\n"
    mirror_of(root)


async def test_repositories_do_not_share_a_mirror(served: GitRepository, repository: Repository, root: Path) -> None:
    mirrors = GitMirrors(root, LIMITS)
    commit = served.commit({"a": b"1\n"})
    await mirrors.ensure(repository, commit)
    await mirrors.ensure(replace(repository, key="../forge/8"), commit)
    assert len(list(root.glob("*.git"))) == 2


async def test_submodules_links_and_modes_are_told_apart_and_never_followed(
    served: GitRepository, repository: Repository, mirrors: GitMirrors
) -> None:
    base = served.commit({"run": b"#!/bin/sh\n"})
    files = {"run": b"#!/bin/sh\n", "link": b"/etc/passwd", "module": b"1" * 40}
    head = served.commit(files, (base,), modes={"run": EXECUTABLE, "link": SYMLINK, "module": SUBMODULE})
    changes = {change.path: change for change in parse_diff(await mirrors.diff(repository, base, head))}
    assert {path: (change.status, change.content) for path, change in changes.items()} == {
        "run": (ChangeStatus.MODE, ContentKind.TEXT),
        "link": (ChangeStatus.ADDED, ContentKind.SYMLINK),
        "module": (ChangeStatus.ADDED, ContentKind.SUBMODULE),
    }
    texts = await mirrors.texts(repository, head, files)
    assert texts == {"run": b"#!/bin/sh\n", "link": b"/etc/passwd", "module": None}


async def test_the_attributes_of_a_change_do_not_hide_it(
    served: GitRepository, repository: Repository, mirrors: GitMirrors
) -> None:
    base = served.commit({"a.py": b"1\n"})
    head = served.commit({"a.py": b"2\n", ".gitattributes": b"* -diff binary\n"}, (base,))
    changes = parse_diff(await mirrors.diff(repository, base, head))
    assert {change.content for change in changes} == {ContentKind.TEXT}


async def test_paths_with_any_character_are_read(
    served: GitRepository, repository: Repository, mirrors: GitMirrors
) -> None:
    files = {'a\n"b\\c': b"1\n", "tab\there": b"2\n"}
    base = served.commit({"start": b"0\n"})
    head = served.commit(files, (base,))
    assert {change.path for change in parse_diff(await mirrors.diff(repository, base, head))} >= set(files)
    assert await mirrors.texts(repository, head, files) == files


async def test_what_a_killed_process_left_half_made_is_made_anew(
    served: GitRepository, repository: Repository, mirrors: GitMirrors, root: Path
) -> None:
    first = served.commit({"a": b"1\n"})
    await mirrors.ensure(repository, first)
    mirror = mirror_of(root)
    mirror.rename(mirror.with_suffix(".building"))
    (mirror.with_suffix(".building") / "HEAD").unlink()
    assert await mirrors.text(repository, first, "a") == b"1\n"
    assert [path.suffix for path in root.iterdir() if path.is_dir()] == [".git"]


async def test_locks_and_packs_that_a_killed_git_left_do_no_harm(
    served: GitRepository, repository: Repository, mirrors: GitMirrors, root: Path
) -> None:
    first = served.commit({"a": b"1\n"})
    await mirrors.ensure(repository, first)
    second = served.commit({"a": b"2\n"}, (first,))
    mirror = mirror_of(root)
    left = [mirror / "config.lock", mirror / "refs" / "penstock" / f"{second}.lock", mirror / "objects/pack/tmp_pack_x"]
    for path in left:
        path.touch()
    await mirrors.ensure(repository, second)
    assert not any(path.exists() for path in left)


async def test_a_damaged_mirror_is_thrown_away_and_made_anew(
    served: GitRepository, repository: Repository, mirrors: GitMirrors, root: Path
) -> None:
    base = served.commit({"a": b"1\n"})
    head = served.commit({"a": b"2\n"}, (base,))
    diff = await mirrors.diff(repository, base, head)
    for pack in mirror_of(root).glob("objects/pack/*"):
        pack.unlink()
    assert await mirrors.diff(repository, base, head) == diff


async def test_a_forgotten_mirror_comes_back(
    served: GitRepository, repository: Repository, mirrors: GitMirrors, root: Path
) -> None:
    commit = served.commit({"a": b"1\n"})
    await mirrors.ensure(repository, commit)
    await mirrors.forget(repository)
    assert list(root.glob("*.git")) == []
    assert await mirrors.text(repository, commit, "a") == b"1\n"


async def test_two_processes_may_bring_the_same_repository(
    served: GitRepository, repository: Repository, root: Path
) -> None:
    heads = [served.commit({"a": b"%d\n" % number}) for number in range(6)]
    workers = [GitMirrors(root, LIMITS) for _ in heads]
    found = await asyncio.gather(
        *(worker.text(repository, head, "a") for worker, head in zip(workers, heads, strict=True))
    )
    assert found == [b"%d\n" % number for number in range(6)]


async def test_who_waits_too_long_for_a_mirror_is_told_so(
    served: GitRepository, repository: Repository, mirrors: GitMirrors, root: Path
) -> None:
    commit = served.commit({"a": b"1\n"})
    await mirrors.ensure(repository, commit)
    impatient = GitMirrors(root, replace(LIMITS, lock_seconds=0.05))
    with locked_by_somebody(root), pytest.raises(SourceTimeout, match="another process"):
        await impatient.text(repository, commit, "a")


@pytest.mark.parametrize(
    "url", ["file:///srv/a.git", "ext::sh -c id", "https://user:word@forge/a", "https://token@forge/a", "-oProxy=x", ""]
)
async def test_clone_urls_that_are_not_allowed_are_refused(root: Path, url: str) -> None:
    with pytest.raises(InvalidRepository) as refused:
        await GitMirrors(root).ensure(Repository("forge/7", url), "1" * 40)
    assert "word" not in str(refused.value)
    assert not root.exists()


async def test_a_repository_that_is_not_there_is_access_refused(mirrors: GitMirrors, tmp_path: Path) -> None:
    with pytest.raises(AccessRefused):
        await mirrors.ensure(Repository("forge/7", f"file://{tmp_path}/absent.git"), "1" * 40)


async def test_a_transfer_stops_at_its_limit(root: Path, tmp_path: Path) -> None:
    served = GitRepository.bare(tmp_path / "large.git", partial=False)
    commit = served.commit({"large": os.urandom(300_000)})
    mirrors = GitMirrors(root, replace(LIMITS, pack_bytes=100_000))
    with pytest.raises(SourceTooLarge):
        await mirrors.ensure(Repository("forge/7", f"file://{served.folder}"), commit)
    assert list(root.glob("*.git")) == []


async def test_a_mirror_that_grew_too_large_is_thrown_away(root: Path, tmp_path: Path) -> None:
    served = GitRepository.bare(tmp_path / "large.git", partial=False)
    commit = served.commit({"large": os.urandom(300_000)})
    mirrors = GitMirrors(root, replace(LIMITS, mirror_bytes=100_000))
    with pytest.raises(SourceTooLarge, match="100000 are allowed"):
        await mirrors.ensure(Repository("forge/7", f"file://{served.folder}"), commit)
    assert list(root.glob("*.git")) == []


async def test_the_mirror_not_read_for_longest_makes_room_and_one_in_use_stays(root: Path, tmp_path: Path) -> None:
    made = [GitRepository.bare(tmp_path / f"{name}.git", partial=False) for name in "abc"]
    commits = [served.commit({"large": os.urandom(300_000)}) for served in made]
    repositories = [Repository(served.folder.name, f"file://{served.folder}") for served in made]
    mirrors = GitMirrors(root, replace(LIMITS, volume_bytes=700_000))

    async def bring(index: int) -> Path:
        before = set(root.glob("*.git"))
        await mirrors.ensure(repositories[index], commits[index])
        (added,) = set(root.glob("*.git")) - before
        return added

    first, second = await bring(0), await bring(1)
    os.utime(first.with_suffix(".lock"), (1, 1))
    third = await bring(2)
    assert set(root.glob("*.git")) == {second, third}

    os.utime(second.with_suffix(".lock"), (1, 1))
    with second.with_suffix(".lock").open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        await mirrors.ensure(repositories[0], commits[0])
    assert set(root.glob("*.git")) == {first, second}


async def test_a_volume_that_cannot_be_written_is_unavailable(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SourceUnavailable):
        await GitMirrors(tmp_path / "file" / "mirrors", LIMITS).ensure(repository, "1" * 40)


async def test_a_diff_stops_at_its_limit(served: GitRepository, repository: Repository, root: Path) -> None:
    base = served.commit({"a": b""})
    head = served.commit({"a": b"line\n" * 1000}, (base,))
    with pytest.raises(SourceTooLarge):
        await GitMirrors(root, replace(LIMITS, diff_bytes=1000)).diff(repository, base, head)


async def test_all_texts_together_stop_at_their_limit(
    served: GitRepository, repository: Repository, root: Path
) -> None:
    commit = served.commit({name: name.encode() * 600 for name in "abc"})
    limited = GitMirrors(root, replace(LIMITS, texts_bytes=1000))
    assert await limited.text(repository, commit, "a") is not None
    with pytest.raises(SourceTooLarge):
        await limited.texts(repository, commit, "abc")


class HangingGit:
    """A git that starts a child, tells their process ids and the environment, and never ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        script = folder / "git"
        script.write_text(
            f'#!/bin/sh\nenv > {folder}/env\necho "$@" > {folder}/arguments\nsleep 300 &\n'
            f"echo $$ $! > {folder}/pids.new\nmv {folder}/pids.new {folder}/pids\nwait\n"
        )
        script.chmod(0o755)
        self.environment = {"PATH": f"{folder}:{os.environ['PATH']}", "https_proxy": "http://proxy:3128", "SECRET": "x"}

    def pids(self) -> list[int]:
        file = self.folder / "pids"
        return [int(word) for word in file.read_text().split()] if file.exists() else []

    def all_gone(self) -> bool:
        return not any(_runs(pid) for pid in self.pids())


def _runs(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
def hanging(tmp_path: Path) -> HangingGit:
    return HangingGit(tmp_path / "bin")


async def test_git_and_its_children_end_when_time_is_up(
    root: Path, repository: Repository, hanging: HangingGit
) -> None:
    mirrors = GitMirrors(root, replace(LIMITS, fetch_seconds=0.5), hanging.environment)
    with pytest.raises(SourceTimeout):
        await mirrors.ensure(repository, "1" * 40)
    assert len(hanging.pids()) == 2
    await eventually(hanging.all_gone)


async def test_git_and_its_children_end_when_the_caller_is_cancelled(
    root: Path, repository: Repository, hanging: HangingGit
) -> None:
    asked = asyncio.create_task(GitMirrors(root, LIMITS, hanging.environment).ensure(repository, "1" * 40))
    await eventually(hanging.pids)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    await eventually(hanging.all_gone)


async def test_what_a_killed_process_started_still_holds_its_mirror(
    root: Path, repository: Repository, hanging: HangingGit
) -> None:
    asked = asyncio.create_task(GitMirrors(root, LIMITS, hanging.environment).ensure(repository, "1" * 40))
    await eventually(hanging.pids)
    held = {link.resolve() for pid in hanging.pids() for link in Path(f"/proc/{pid}/fd").iterdir()}
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    assert held & set(root.glob("*.lock"))


async def test_a_credential_is_only_in_the_environment_and_nothing_else_of_the_host_is(
    root: Path, hanging: HangingGit
) -> None:
    credentials = FixedCredential(Credential("bot", "hunter2"))
    repository = Repository("forge/7", "https://forge.example/o/r.git", credentials)
    mirrors = GitMirrors(root, replace(LIMITS, protocols=("https",)), hanging.environment)
    asked = asyncio.create_task(mirrors.ensure(repository, "1" * 40))
    await eventually(hanging.pids)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    environment = (hanging.folder / "env").read_text()
    assert "http.https://forge.example/.extraHeader\n" in environment
    assert "Authorization: Basic Ym90Omh1bnRlcjI=\n" in environment
    assert "https_proxy=http://proxy:3128\n" in environment
    assert "SECRET" not in environment
    on_disk = "".join(path.read_text(errors="replace") for path in root.glob("**/*") if path.is_file())
    for place in (on_disk, (hanging.folder / "arguments").read_text(), repr(repository)):
        assert "hunter2" not in place
        assert "Ym90Omh1bnRlcjI" not in place


async def test_a_host_without_git_is_unavailable(root: Path, repository: Repository, tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable):
        await GitMirrors(root, LIMITS, {"PATH": str(tmp_path / "nowhere")}).ensure(repository, "1" * 40)
