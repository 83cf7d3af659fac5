"""Small parts of the store."""

import subprocess
import sys

import pytest

from penstock_contracts.partitioner import murmur2, partition_of
from penstock_store.points import POINTS
from penstock_store.subjects import organisation_of, repository_of


@pytest.mark.parametrize(
    ("subject", "repository", "organisation"),
    [
        ("github:owner/repo#7", "owner/repo", "owner"),
        ("gitlab:group/sub/repo#12", "group/sub/repo", "group"),
        ("azure:repo#1", "repo", "repo"),
        ("", "", ""),
    ],
)
def test_a_subject_is_taken_apart(subject: str, repository: str, organisation: str) -> None:
    assert repository_of(subject) == repository
    assert organisation_of(subject) == organisation


@pytest.mark.parametrize(
    ("key", "signed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_is_kafkas(key: bytes, signed: int) -> None:
    assert murmur2(key) == signed % 2**32


def test_a_spread_decides_before_the_key() -> None:
    assert partition_of("key", 25, 12) == 1
    assert partition_of("abc", None, 12) == 479470107 % 12
    assert partition_of("21", None, 12) == (-973932308 & 0x7FFFFFFF) % 12


def test_crash_points_have_names_of_their_own() -> None:
    assert len(set(POINTS)) == len(POINTS)


@pytest.mark.parametrize("module", ["penstock_store.postgres", "penstock_store.memory"])
def test_no_adapter_loads_the_orm_or_the_migrations(module: str) -> None:
    code = f"import sys, {module}; print(sorted({{'sqlalchemy', 'alembic', 'mako'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
