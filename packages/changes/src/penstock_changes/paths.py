"""Path filters as people write them: globs with `**`, braces, and folders that end in a slash."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from penstock_changes.errors import InvalidPattern

_ANY = "**"
_MOST_ALTERNATIVES = 100

Step = Callable[[str], object] | None
"""Whether a name is meant; None stands for any names, or none."""


@dataclass(frozen=True, slots=True)
class PathFilter:
    """Allows what an `include` pattern matches (everything, when there is none) and no `exclude` pattern does.

    A pattern without a slash is compared with the file's name at any depth, one that begins with a slash with the whole
    path; `docs/` means everything below docs.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def allows(self, path: str) -> bool:
        included = not self.include or matches(path, self.include)
        return included and not (self.exclude and matches(path, self.exclude))


def matches(path: str, patterns: Sequence[str]) -> bool:
    """Whether any of the patterns matches the path. Raises InvalidPattern."""
    names = path.split("/")
    return any(_leads_to(way, names) for pattern in patterns for way in ways(pattern))


def _leads_to(way: Sequence[Step], names: Sequence[str]) -> bool:
    """All places that can be reached, one step after the other: whatever the pattern, none is looked at twice."""
    reached = {0}
    for step in way:
        if step is None:
            reached = set(range(min(reached), len(names) + 1)) if reached else reached
        else:
            reached = {at + 1 for at in reached if at < len(names) and step(names[at])}
    return len(names) in reached


@lru_cache(maxsize=1_000)
def ways(pattern: str) -> tuple[tuple[Step, ...], ...]:
    """The alternatives of a pattern, each as its steps from the top. Raises InvalidPattern."""
    # They take a while to import, and most repositories have no filter.
    import bracex

    whole = f"{pattern}{_ANY}" if pattern.endswith("/") else pattern
    try:
        alternatives = bracex.expand(whole, keep_escapes=True, limit=_MOST_ALTERNATIVES)
    except (bracex.ExpansionLimitException, ValueError) as error:
        raise InvalidPattern(pattern=pattern[:100], most=_MOST_ALTERNATIVES) from error
    return tuple(_way(alternative) for alternative in alternatives)


def _way(alternative: str) -> tuple[Step, ...]:
    names = [name for name in alternative.split("/") if name]
    steps = [None if name == _ANY else _step(name) for name in names]
    if steps and "/" not in alternative:
        return (None, *steps)
    return (*steps, _step("*")) if steps and steps[-1] is None else tuple(steps)


def _step(name: str) -> Step:
    from wcmatch import fnmatch

    ((expression, *_), _) = fnmatch.translate(name, flags=fnmatch.DOTMATCH | fnmatch.FORCEUNIX)
    return re.compile(expression).match
