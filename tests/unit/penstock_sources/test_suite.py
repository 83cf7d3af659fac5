"""The suite of Sources on every adapter that needs no server."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from penstock_sources.fake import FakeSources
from penstock_sources.limits import Limits
from penstock_sources.local import LocalRepository
from penstock_sources.mirrors import GitMirrors
from penstock_sources.ports import Repository
from tests.suites.sources import FILE_BYTES, SourcesSuite, Workshop
from tests.support.git_repositories import GitRepository

LIMITS = Limits(file_bytes=FILE_BYTES, protocols=("file",))


class TestFakeSources(SourcesSuite):
    @pytest.fixture
    def workshop(self) -> Workshop:
        fake = FakeSources(file_bytes=FILE_BYTES)

        def commit(
            files: Mapping[str, bytes], parents: tuple[str, ...] = (), *, title: str = "A change", author: str = "Ada"
        ) -> str:
            return fake.commit("forge/7", files, parents, title=title, author=author)

        return Workshop(fake, Repository("forge/7", "https://forge.example/a/b.git"), commit)


class TestGitMirrorsOfAServerThatLeavesContentsOut(SourcesSuite):
    partial = True

    @pytest.fixture
    def workshop(self, tmp_path: Path) -> Workshop:
        served = GitRepository.bare(tmp_path / "served.git", partial=self.partial)
        repository = Repository("forge/7", f"file://{served.folder}")
        return Workshop(GitMirrors(tmp_path / "mirrors", LIMITS), repository, served.commit)


class TestGitMirrorsOfAServerThatSendsEverything(TestGitMirrorsOfAServerThatLeavesContentsOut):
    partial = False


class TestLocalRepository(SourcesSuite):
    @pytest.fixture
    def workshop(self, tmp_path: Path) -> Workshop:
        copy = GitRepository.working_copy(tmp_path / "copy")
        return Workshop(LocalRepository(copy.folder, LIMITS), Repository("local", "file:///nowhere"), copy.commit)
