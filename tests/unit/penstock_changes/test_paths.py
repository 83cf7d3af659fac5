"""Globs as wcmatch reads them, in a time that does not depend on who wrote them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcmatch import glob

from penstock_changes.errors import InvalidPattern
from penstock_changes.paths import matches

FLAGS = glob.GLOBSTAR | glob.DOTGLOB | glob.BRACE | glob.FORCEUNIX
PIECES = ("a", "b", "*", "**", "/", "?", "[ab]", "[!a]", "{a,b}", "{a/b,*.b}", ".", "\\*", "[", "}", "x*")
patterns = st.lists(st.sampled_from(PIECES), min_size=1, max_size=7).map("".join)
names = st.text("abx.", min_size=1, max_size=3).filter(lambda name: name.strip("."))
paths = st.lists(names, min_size=1, max_size=4).map("/".join)


@given(pattern=patterns, path=paths)
def test_a_pattern_means_what_it_means_everywhere(pattern: str, path: str) -> None:
    whole = f"{pattern}**" if pattern.endswith("/") else pattern
    flags = FLAGS if whole.startswith("/") else FLAGS | glob.MATCHBASE
    assert matches(path, (pattern,)) is glob.globmatch(path, whole.lstrip("/") or "**", flags=flags)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("src/" + "**/a/" * 20 + "b", "src/" + "a/" * 500 + "x.py"),
        ("**/a*/" * 20 + "b", "a/" * 500 + "x.py"),
        ("*a" * 100 + "b", "a" * 4_000),
        ("{" * 150, "a"),
    ],
)
def test_no_pattern_takes_longer_the_more_ways_there_are(pattern: str, path: str) -> None:
    assert not matches(path, (pattern,))


@pytest.mark.parametrize("pattern", ["{1..100000}", "{a,b}" * 20])
def test_a_pattern_that_stands_for_too_many_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidPattern, match="more than 100 others"):
        matches("a", (pattern,))
