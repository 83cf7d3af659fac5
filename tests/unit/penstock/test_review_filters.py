"""Filters of `penstock review`, from whatever folder they are typed in."""

from pathlib import Path

import pytest

from penstock.reviewing.filters import filter_of
from penstock_sources.errors import InvalidRevision

FILES = ("top.py", "app/[id]/page.py", "app/[id]/list.go", "app/i/page.py", "app/a{b}.py", "lib/x.py", "lib/deep/y.py")


@pytest.fixture
def top(tmp_path: Path) -> Path:
    for file in FILES:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("folder", "typed", "allowed"),
    [
        (".", (), FILES),
        (".", (".",), FILES),
        (".", ("app/[id]",), ("app/[id]/page.py", "app/[id]/list.go")),
        (".", ("app/[id]/page.py",), ("app/[id]/page.py",)),
        ("app/[id]", ("*.py",), ("app/[id]/page.py",)),
        ("app/[id]", ("../i/*",), ("app/i/page.py",)),
        ("app", ("a{b}.py",), ("app/a{b}.py",)),
        ("app", ("{i,[[]id]}/page.py",), ("app/[id]/page.py", "app/i/page.py")),
        ("lib", ("x.py", "../top.py"), ("top.py", "lib/x.py")),
        ("lib", ("**/*.py",), ("lib/x.py", "lib/deep/y.py")),
        (".", ("*.py",), tuple(file for file in FILES if file.endswith(".py"))),
        (".", ("./*.py",), ("top.py",)),
        (".", ("top.py", "x.py"), ("top.py",)),
        ("lib", ("*.py",), ("lib/x.py", "lib/deep/y.py")),
        (".", ("gone.py", "lib/deep/"), ("lib/deep/y.py",)),
    ],
)
def test_a_filter_means_what_it_means_where_it_is_typed(
    top: Path, folder: str, typed: tuple[str, ...], allowed: tuple[str, ...]
) -> None:
    filtered = filter_of(typed, top / folder, top)
    assert [file for file in FILES if filtered.allows(file)] == list(allowed)


def test_a_whole_path_is_a_filter_too(top: Path) -> None:
    filtered = filter_of((str(top / "lib"),), top / "app", top)
    assert [file for file in FILES if filtered.allows(file)] == ["lib/x.py", "lib/deep/y.py"]


@pytest.mark.parametrize("typed", ["..", "../../*.py", "/etc/passwd"])
def test_no_filter_leaves_the_working_copy(top: Path, typed: str) -> None:
    with pytest.raises(InvalidRevision, match="lies outside of"):
        filter_of((typed,), top / "lib" if typed.startswith("../..") else top, top)


def test_a_file_that_is_gone_can_be_named(top: Path) -> None:
    assert filter_of(("gone.py",), top / "lib", top).allows("lib/gone.py")
