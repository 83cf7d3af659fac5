"""Which change `penstock review` looks at, and what it says where there is none."""

from pathlib import Path

import pytest

from penstock_sources.local import INDEX, WORKTREE
from tests.integration.penstock.conftest import Review
from tests.integration.penstock.working_copies import WorkingCopy

SIN = "def f(a=[]):\n    return a\n"


def paths(document: dict[str, list[dict[str, str]]]) -> list[str]:
    return [file["path"] for file in document["files"]]


def test_by_default_it_is_all_that_the_default_branch_has_not(copy: WorkingCopy, review: Review) -> None:
    base = copy.git("rev-parse", "main")
    copy.write("committed.py", SIN)
    copy.commit()
    copy.write("staged.py", SIN)
    copy.git("add", "staged.py")
    copy.write("new.py", SIN)
    document = review("--format", "json").document
    assert paths(document) == ["committed.py", "new.py", "staged.py"]
    assert document["range"] == {"base": base, "head": WORKTREE}


def test_the_default_branch_of_the_remote_goes_before_the_local_one(
    copy: WorkingCopy, review: Review, tmp_path: Path
) -> None:
    copy.git("clone", "--quiet", "--bare", ".", str(tmp_path / "remote.git"))
    copy.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    copy.git("fetch", "--quiet", "origin")
    copy.git("checkout", "--quiet", "main")
    copy.write("unpushed.py", SIN)
    copy.commit()
    assert paths(review("--format", "json").document) == ["unpushed.py"]


def test_what_is_committed_on_the_default_branch_is_not_reviewed_again(copy: WorkingCopy, review: Review) -> None:
    copy.write("committed.py", SIN)
    copy.commit()
    copy.git("branch", "--force", "main", "work")
    copy.write("new.py", SIN)
    assert paths(review("--format", "json").document) == ["new.py"]


def test_without_a_default_branch_it_is_what_is_not_committed(copy: WorkingCopy, review: Review) -> None:
    copy.git("branch", "--delete", "--force", "main")
    copy.write("new.py", SIN)
    assert paths(review("--format", "json").document) == ["new.py"]


def test_a_commit_that_main_made_meanwhile_is_not_part_of_the_change(copy: WorkingCopy, review: Review) -> None:
    base = copy.git("rev-parse", "main")
    copy.write("mine.py", SIN)
    head = copy.commit()
    copy.git("checkout", "--quiet", "main")
    copy.write("theirs.py", SIN)
    copy.commit()
    for written in ("main...work", "main..work"):
        document = review(written, "--format", "json").document
        assert paths(document) == ["mine.py"]
        assert document["range"] == {"base": base, "head": head}


@pytest.mark.parametrize(
    ("arguments", "expected", "head"),
    [
        (["HEAD"], ["new.py", "staged.py"], WORKTREE),
        (["--worktree"], ["new.py", "staged.py"], WORKTREE),
        (["--staged"], ["staged.py"], INDEX),
        (["--all"], ["app.py", "committed.py", "new.py", "staged.py"], WORKTREE),
    ],
)
def test_what_is_not_committed_can_be_asked_for(
    copy: WorkingCopy, review: Review, arguments: list[str], expected: list[str], head: str
) -> None:
    copy.write("committed.py", SIN)
    copy.commit()
    copy.write("staged.py", SIN)
    copy.git("add", "staged.py")
    copy.write("new.py", SIN)
    document = review(*arguments, "--format", "json").document
    assert (paths(document), document["range"]["head"]) == (expected, head)


def test_a_detached_head_is_reviewed_like_a_branch(copy: WorkingCopy, review: Review) -> None:
    copy.write("mine.py", SIN)
    copy.git("checkout", "--quiet", copy.commit())
    assert paths(review("--format", "json").document) == ["mine.py"]


def test_a_single_commit_can_be_reviewed_as_a_whole(copy: WorkingCopy, review: Review) -> None:
    assert paths(review("--all", "--format", "json").document) == ["app.py"]


def test_before_the_first_commit_everything_is_new(review: Review, tmp_path: Path) -> None:
    unborn = WorkingCopy.empty(tmp_path / "unborn")
    unborn.write("new.py", SIN)
    printed = review("--format", "json", folder=str(unborn.folder))
    assert printed.places() == [("python-mutable-default-argument", "new.py", 1, 1)]


@pytest.mark.parametrize(
    ("folder", "filters", "expected"),
    [
        (".", ["lib"], ["lib/a.py", "lib/deep/b.py"]),
        (".", ["lib/"], ["lib/a.py", "lib/deep/b.py"]),
        (".", ["app.py", "lib/deep"], ["app.py", "lib/deep/b.py"]),
        (".", ["**/a.py"], ["lib/a.py"]),
        (".", ["lib/*.py"], ["lib/a.py"]),
        ("lib", ["."], ["lib/a.py", "lib/deep/b.py"]),
        ("lib", ["a.py"], ["lib/a.py"]),
        ("lib", ["../app.py"], ["app.py"]),
        ("lib", ["*.py"], ["lib/a.py", "lib/deep/b.py"]),
        ("lib/deep", [], ["app.py", "lib/a.py", "lib/deep/b.py"]),
    ],
)
def test_a_filter_narrows_the_change_from_the_folder_one_is_in(
    copy: WorkingCopy, review: Review, folder: str, filters: list[str], expected: list[str]
) -> None:
    for path in ("app.py", "lib/a.py", "lib/deep/b.py"):
        copy.write(path, SIN)
    arguments = [part for each in filters for part in ("--path", each)]
    assert paths(review("--format", "json", *arguments, folder=folder).document) == expected


def test_a_filter_cannot_leave_the_working_copy(copy: WorkingCopy, review: Review) -> None:
    printed = review("--path", "../elsewhere")
    assert (printed.code, printed.out) == (2, "")
    assert "lies outside of" in printed.err


def test_where_nothing_has_changed_it_says_so_and_names_the_way_on(review: Review) -> None:
    printed = review()
    assert (printed.code, printed.out) == (0, "Nothing has changed.\n")
    assert "nothing to review between main → working copy" in printed.err
    assert "--help" in printed.err


def test_a_change_that_nobody_can_review_is_no_failure(copy: WorkingCopy, review: Review) -> None:
    copy.write("picture.png", b"\x89PNG\0\0")
    printed = review()
    assert printed.code == 0
    assert "binary: picture.png" in printed.out
    assert printed.out.endswith("Nothing to review.\n")


def test_outside_of_a_repository_it_says_where_to_go(review: Review, tmp_path: Path) -> None:
    printed = review(folder=str(tmp_path))
    assert (printed.code, printed.out) == (2, "")
    assert "lies in no working copy" in printed.err
    assert "go to a folder of the repository" in printed.err


@pytest.mark.parametrize("written", ["nosuch...HEAD", "HEAD~7", "HEAD:app.py", "WORKTREE..HEAD"])
def test_an_unknown_revision_is_a_mistake_of_the_command_line(review: Review, written: str) -> None:
    printed = review(written)
    assert (printed.code, printed.out) == (2, "")
    assert "git log --oneline" in printed.err


@pytest.mark.parametrize("arguments", [["--staged", "--all"], ["--staged", "HEAD~1"], ["--format", "yaml"], ["a", "b"]])
def test_what_contradicts_itself_is_refused_before_anything_is_read(review: Review, arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        review(*arguments)


def test_histories_that_share_nothing_are_refused_with_the_reason(copy: WorkingCopy, review: Review) -> None:
    copy.git("checkout", "--quiet", "--orphan", "island")
    copy.commit("Alone")
    printed = review("main...island")
    assert (printed.code, printed.out) == (3, "")
    assert "share no history" in printed.err
