"""A working copy: ranges, and what is not committed yet."""

from pathlib import Path

import pytest

from penstock_changes.diffs import parse_diff
from penstock_changes.model import ChangeStatus
from penstock_sources.environment import EMPTY_TREES
from penstock_sources.errors import CommitNotFound, InvalidRepository, InvalidRevision
from penstock_sources.limits import Limits
from penstock_sources.local import INDEX, WORKTREE, LocalRepository, Range
from penstock_sources.ports import Repository
from tests.support.git_repositories import GitRepository, git

HERE = Repository("local", "")


class Copy:
    """A working copy with `main`, and `HEAD` one commit further on the branch `work`."""

    def __init__(self, folder: Path) -> None:
        made = GitRepository.working_copy(folder)
        self.folder = folder
        self.main = made.commit({"a": b"1\n", "b": b"1\n", ".gitignore": b"*.log\n"})
        self.work = made.commit({"a": b"1\n", "b": b"2\n", ".gitignore": b"*.log\n"}, (self.main,))
        git(folder, "branch", "main", self.main)
        git(folder, "checkout", "--quiet", "-b", "work", self.work)
        self.sources = LocalRepository(folder, Limits(file_bytes=1000))

    def write(self, path: str, text: str, *, staged: bool = False) -> None:
        (self.folder / path).parent.mkdir(exist_ok=True, parents=True)
        (self.folder / path).write_text(text)
        if staged:
            git(self.folder, "add", "--", path)

    async def statuses(self, base: str, head: str) -> dict[str, ChangeStatus]:
        return {change.path: change.status for change in parse_diff(await self.sources.diff(HERE, base, head))}


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path / "copy")


@pytest.mark.parametrize(
    ("written", "base", "head"),
    [
        ("main...HEAD", "main", "work"),
        ("main..work", "main", "work"),
        ("main...", "main", "work"),
        ("...main", "work", "main"),
        ("HEAD~1...HEAD", "main", "work"),
        ("main", "main", WORKTREE),
        ("", "work", WORKTREE),
        ("WORKTREE", "work", WORKTREE),
        ("INDEX", "work", INDEX),
        ("main...INDEX", "main", INDEX),
    ],
)
async def test_a_range_is_read_as_people_write_it(copy: Copy, written: str, base: str, head: str) -> None:
    ids = {"main": copy.main, "work": copy.work}
    assert await copy.sources.resolve(written) == Range(ids[base], ids.get(head, head))


@pytest.mark.parametrize(
    "written", ["--output=x", "main...--output=x", "main...HEAD:b", "INDEX...HEAD", "a b", "a....b"]
)
async def test_a_range_that_git_could_misread_is_refused(copy: Copy, written: str) -> None:
    with pytest.raises(InvalidRevision):
        await copy.sources.resolve(written)


async def test_a_name_that_nothing_has_is_not_found(copy: Copy) -> None:
    with pytest.raises(CommitNotFound, match="absent"):
        await copy.sources.resolve("absent...HEAD")


async def test_the_working_copy_has_changed_and_new_files_but_no_ignored_ones(copy: Copy) -> None:
    copy.write("a", "changed\n")
    copy.write("deep/new.py", "x = 1\n")
    copy.write("noise.log", "x\n")
    assert await copy.statuses("HEAD", WORKTREE) == {"a": ChangeStatus.MODIFIED, "deep/new.py": ChangeStatus.ADDED}
    since_main = {"a": ChangeStatus.MODIFIED, "b": ChangeStatus.MODIFIED, "deep/new.py": ChangeStatus.ADDED}
    assert await copy.statuses("main", WORKTREE) == since_main


async def test_looking_at_new_files_leaves_the_index_alone(copy: Copy) -> None:
    copy.write("new.py", "x = 1\n")
    before = (copy.folder / ".git" / "index").read_bytes()
    assert "+x = 1" in await copy.sources.diff(HERE, "HEAD", WORKTREE)
    assert (copy.folder / ".git" / "index").read_bytes() == before
    assert git(copy.folder, "status", "--porcelain") == b"?? new.py\n"


async def test_what_is_staged_is_told_from_what_is_not(copy: Copy) -> None:
    copy.write("a", "staged\n", staged=True)
    copy.write("a", "on disk\n")
    assert "+staged" in await copy.sources.diff(HERE, "HEAD", INDEX)
    assert "+on disk" in await copy.sources.diff(HERE, "HEAD", WORKTREE)
    assert await copy.sources.text(HERE, INDEX, "a") == b"staged\n"
    assert await copy.sources.text(HERE, WORKTREE, "a") == b"on disk\n"
    assert await copy.sources.text(HERE, "HEAD", "a") == b"1\n"


@pytest.mark.parametrize("head", [WORKTREE, INDEX])
async def test_texts_that_are_not_committed_follow_the_same_rules(copy: Copy, head: str) -> None:
    copy.write("large", "x" * 1001, staged=True)
    (copy.folder / "link").symlink_to("/etc/passwd")
    (copy.folder / "elsewhere").symlink_to("/etc")
    git(copy.folder, "add", "--all")
    asked = ("a", "large", "link", "elsewhere/passwd", "../copy/a", "/etc/passwd", "absent", ".", "")
    assert await copy.sources.texts(HERE, head, asked) == {
        **dict.fromkeys(asked),
        "a": b"1\n",
        "link": b"/etc/passwd",
    }
    assert await copy.sources.texts(HERE, head, ()) == {}


async def test_history_of_what_is_not_committed_is_that_of_head(copy: Copy) -> None:
    assert [commit.id for commit in await copy.sources.commits(HERE, "main", WORKTREE)] == [copy.work]
    assert await copy.sources.merge_base(HERE, "main", INDEX) == copy.main
    assert await copy.sources.is_ancestor(HERE, "main", WORKTREE)


async def test_a_folder_inside_the_working_copy_means_all_of_it(copy: Copy) -> None:
    copy.write("deep/new.py", "x\n")
    inside = LocalRepository(copy.folder / "deep")
    changes = parse_diff(await inside.diff(HERE, "main", WORKTREE))
    assert [change.path for change in changes] == ["b", "deep/new.py"]
    assert await inside.text(HERE, WORKTREE, "a") == b"1\n"


async def test_before_the_first_commit_everything_is_new(tmp_path: Path) -> None:
    folder = tmp_path / "young"
    GitRepository.working_copy(folder)
    (folder / "first.py").write_text("x\n")
    sources = LocalRepository(folder)
    found = await sources.resolve()
    assert found == Range(EMPTY_TREES[40], WORKTREE)
    assert [change.path for change in parse_diff(await sources.diff(HERE, found.base, found.head))] == ["first.py"]


async def test_programs_and_formats_that_the_configuration_asks_for_are_not_used(copy: Copy, tmp_path: Path) -> None:
    proof = tmp_path / "ran"
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\ntouch {proof}\n")
    script.chmod(0o755)
    for key, value in {
        "diff.external": str(script),
        "core.fsmonitor": str(script),
        "core.pager": str(script),
        "diff.words.textconv": str(script),
        "diff.noprefix": "true",
        "diff.mnemonicPrefix": "true",
        "color.ui": "always",
        "diff.context": "0",
        "diff.renames": "false",
        "diff.orderFile": str(script),
    }.items():
        git(copy.folder, "config", key, value)
    (copy.folder / ".gitattributes").write_text("* diff=words\n")
    copy.write("a", "changed\n")
    assert set(await copy.statuses("main", WORKTREE)) == {"a", "b", ".gitattributes"}
    assert not proof.exists()


async def test_the_index_of_a_commit_hook_is_used(copy: Copy, tmp_path: Path) -> None:
    copy.write("a", "for the hook\n", staged=True)
    index = (copy.folder / ".git" / "index").rename(tmp_path / "index-of-hook")
    git(copy.folder, "read-tree", "HEAD")
    in_hook = LocalRepository(copy.folder, environment={"PATH": "/usr/bin:/bin", "GIT_INDEX_FILE": str(index)})
    assert "+for the hook" in await in_hook.diff(HERE, "HEAD", INDEX)
    assert await in_hook.text(HERE, INDEX, "a") == b"for the hook\n"


async def test_a_folder_without_a_repository_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRepository, match="no working copy"):
        await LocalRepository(tmp_path).resolve("main")
