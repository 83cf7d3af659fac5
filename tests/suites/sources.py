"""What every adapter of Sources does alike."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import pytest

from penstock_changes.diffs import parse_diff
from penstock_changes.model import ChangeStatus, ContentKind, FileChange
from penstock_sources.errors import CommitNotFound, InvalidRevision
from penstock_sources.ports import Repository, Sources

ABSENT = "0123456789" * 4
FILE_BYTES = 1000
"""What a file may have in every adapter that the suite is given."""


class Making(Protocol):
    def __call__(
        self, files: Mapping[str, bytes], parents: tuple[str, ...] = (), *, title: str = ..., author: str = ...
    ) -> str: ...


@dataclass(frozen=True, slots=True)
class Workshop:
    sources: Sources
    repository: Repository
    commit: Making

    async def changes(self, base: str, head: str) -> dict[str, FileChange]:
        return {change.path: change for change in parse_diff(await self.sources.diff(self.repository, base, head))}


class SourcesSuite:
    """Inherit and give the fixture `workshop`."""

    async def test_a_diff_shows_what_head_changed_since_it_left_base(self, workshop: Workshop) -> None:
        root = workshop.commit({"a": b"1\n", "b": b"1\n"})
        base = workshop.commit({"a": b"later on base\n", "b": b"1\n"}, (root,))
        head = workshop.commit({"a": b"1\n", "b": b"on head\n"}, (root,))
        assert set(await workshop.changes(base, head)) == {"b"}

    async def test_each_kind_of_change_has_its_status(self, workshop: Workshop) -> None:
        moved = b"".join(b"line %d\n" % number for number in range(20))
        before = {"changed": b"1\n", "gone": b"x\ny\n", "old name": moved, "same": b"1\n"}
        base = workshop.commit(before)
        head = workshop.commit({"changed": b"2\n", "made": b"z\n", "new name": moved, "same": b"1\n"}, (base,))
        changes = await workshop.changes(base, head)
        assert {path: change.status for path, change in changes.items()} == {
            "changed": ChangeStatus.MODIFIED,
            "gone": ChangeStatus.DELETED,
            "made": ChangeStatus.ADDED,
            "new name": ChangeStatus.RENAMED,
        }
        assert changes["new name"].old_path == "old name"

    async def test_a_diff_has_three_lines_of_context_and_the_right_numbers(self, workshop: Workshop) -> None:
        lines = [b"%d\n" % number for number in range(1, 41)]
        base = workshop.commit({"f": b"".join(lines)})
        changed = [*lines[:9], b"new\n", *lines[9:29], *lines[30:]]
        head = workshop.commit({"f": b"".join(changed)}, (base,))
        first, second = (await workshop.changes(base, head))["f"].hunks
        assert (first.old_start, first.old_length, first.new_start, first.new_length) == (7, 6, 7, 7)
        assert (second.old_start, second.old_length, second.new_start, second.new_length) == (27, 7, 28, 6)

    async def test_a_binary_file_is_only_named(self, workshop: Workshop) -> None:
        base = workshop.commit({"logo": b"\x00\x01", "a": b"1\n"})
        head = workshop.commit({"logo": b"\x00\x02", "a": b"1\n"}, (base,))
        change = (await workshop.changes(base, head))["logo"]
        assert (change.content, change.hunks) == (ContentKind.BINARY, ())

    async def test_line_ends_and_missing_ones_are_kept(self, workshop: Workshop) -> None:
        base = workshop.commit({"f": b"one\r\ntwo"})
        head = workshop.commit({"f": b"one\r\ntwo\r\n"}, (base,))
        lines = list((await workshop.changes(base, head))["f"].lines())
        assert [(line.text, line.terminated) for line in lines] == [("one\r", True), ("two", False), ("two\r", True)]

    async def test_names_of_any_kind_come_back_as_they_are(self, workshop: Workshop) -> None:
        base = workshop.commit({"start": b"1\n"})
        names = {"with blank": b"1\n", "größe/日本.py": b"2\n", ":(top)x": b"3\n", "-rf": b"4\n", "a*[b]?": b"5\n"}
        head = workshop.commit({"start": b"1\n", **names}, (base,))
        assert set(await workshop.changes(base, head)) == set(names)
        assert await workshop.sources.texts(workshop.repository, head, names) == names

    async def test_an_empty_file_and_no_change_at_all_are_told_apart(self, workshop: Workshop) -> None:
        base = workshop.commit({"a": b"1\n"})
        head = workshop.commit({"a": b"1\n", "empty": b""}, (base,))
        assert [(path, change.hunks) for path, change in (await workshop.changes(base, head)).items()] == [
            ("empty", ())
        ]
        assert await workshop.sources.diff(workshop.repository, head, head) == ""

    async def test_bytes_that_are_no_text_do_not_stop_a_diff(self, workshop: Workshop) -> None:
        base = workshop.commit({"latin": b"caf\xe9\n"})
        head = workshop.commit({"latin": b"caf\xe9s\n"}, (base,))
        assert [line.text for line in (await workshop.changes(base, head))["latin"].lines()] == ["caf�", "caf�s"]

    async def test_histories_that_share_nothing_are_compared_as_they_are(self, workshop: Workshop) -> None:
        one = workshop.commit({"a": b"some words\n"})
        other = workshop.commit({"b": b"entirely different\n"}, title="Another")
        assert await workshop.sources.merge_base(workshop.repository, one, other) is None
        statuses = {path: change.status for path, change in (await workshop.changes(one, other)).items()}
        assert statuses == {"a": ChangeStatus.DELETED, "b": ChangeStatus.ADDED}

    async def test_the_best_common_ancestor_is_found(self, workshop: Workshop) -> None:
        root = workshop.commit({"a": b"0\n"})
        fork = workshop.commit({"a": b"1\n"}, (root,))
        left, right = workshop.commit({"a": b"2\n"}, (fork,)), workshop.commit({"a": b"3\n"}, (fork,))
        sources, repository = workshop.sources, workshop.repository
        assert await sources.merge_base(repository, left, right) == fork
        assert await sources.is_ancestor(repository, root, right)
        assert await sources.is_ancestor(repository, left, left)
        assert not await sources.is_ancestor(repository, left, right)

    async def test_texts_are_none_for_what_is_no_readable_file(self, workshop: Workshop) -> None:
        commit = workshop.commit(
            {"folder/file": b"text\n", "large": b"x" * (FILE_BYTES + 1), "full": b"x" * FILE_BYTES}
        )
        asked = ["folder/file", "folder", "folder/", "large", "full", "absent", "../folder/file", "/etc/passwd", ""]
        found = await workshop.sources.texts(workshop.repository, commit, asked)
        assert list(found) == asked
        assert {path for path, text in found.items() if text is not None} == {"folder/file", "full"}
        assert await workshop.sources.text(workshop.repository, commit, "folder/file") == b"text\n"
        assert await workshop.sources.texts(workshop.repository, commit, ()) == {}

    async def test_equal_files_are_both_read(self, workshop: Workshop) -> None:
        commit = workshop.commit({"a": b"same\n", "b": b"same\n", "c": b""})
        found = await workshop.sources.texts(workshop.repository, commit, ("c", "b", "a"))
        assert found == {"c": b"", "b": b"same\n", "a": b"same\n"}

    async def test_commits_come_newest_first_with_parents_author_and_title(self, workshop: Workshop) -> None:
        base = workshop.commit({"a": b"0\n"})
        first = workshop.commit({"a": b"1\n"}, (base,), title="Say hello", author="Grace")
        second = workshop.commit({"a": b"2\n"}, (first,), title="Größer")
        found = await workshop.sources.commits(workshop.repository, base, second)
        assert [(commit.id, commit.parents, commit.title) for commit in found] == [
            (second, (first,), "Größer"),
            (first, (base,), "Say hello"),
        ]
        assert found[1].author == "Grace"
        assert [commit.id for commit in await workshop.sources.commits(workshop.repository, base, second, 1)] == [
            second
        ]

    async def test_a_commit_that_is_not_there_is_said_to_be_not_there(self, workshop: Workshop) -> None:
        sources, repository = workshop.sources, workshop.repository
        here = workshop.commit({"a": b"1\n"})
        for ask in (
            lambda: sources.ensure(repository, here, ABSENT),
            lambda: sources.diff(repository, here, ABSENT),
            lambda: sources.text(repository, ABSENT, "a"),
            lambda: sources.merge_base(repository, ABSENT, here),
            lambda: sources.is_ancestor(repository, here, ABSENT),
            lambda: sources.commits(repository, ABSENT, here),
        ):
            with pytest.raises(CommitNotFound):
                await ask()

    @pytest.mark.parametrize("name", ["--output=/dev/null", "-p", "", "a..b", "HEAD:secret", "a b", "a\nb"])
    async def test_nothing_that_git_could_misread_is_taken_for_a_commit(self, workshop: Workshop, name: str) -> None:
        here = workshop.commit({"a": b"1\n"})
        for ask in (
            lambda: workshop.sources.ensure(workshop.repository, name),
            lambda: workshop.sources.diff(workshop.repository, name, here),
            lambda: workshop.sources.diff(workshop.repository, here, name),
            lambda: workshop.sources.texts(workshop.repository, name, ("a",)),
            lambda: workshop.sources.commits(workshop.repository, here, name),
        ):
            with pytest.raises(InvalidRevision):
                await ask()

    async def test_many_may_ask_at_once(self, workshop: Workshop) -> None:
        base = workshop.commit({"a": b"0\n"})
        heads = [workshop.commit({"a": b"%d\n" % number}, (base,)) for number in range(1, 6)]
        asked = (workshop.sources.text(workshop.repository, head, "a") for head in heads)
        assert await asyncio.gather(*asked) == [b"%d\n" % number for number in range(1, 6)]
