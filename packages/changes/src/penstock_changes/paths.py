"""Path filters as people write them: globs with `**`, braces, and folders that end in a slash."""

from dataclasses import dataclass


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


def matches(path: str, patterns: tuple[str, ...]) -> bool:
    """Whether any of the patterns matches the path."""
    # wcmatch takes a while to import, and most repositories have no filter.
    from wcmatch import glob

    flags = glob.GLOBSTAR | glob.DOTGLOB | glob.BRACE | glob.FORCEUNIX
    whole = [f"{pattern}**" if pattern.endswith("/") else pattern for pattern in patterns]
    fixed = [pattern.lstrip("/") for pattern in whole if pattern.startswith("/")]
    free = [pattern for pattern in whole if not pattern.startswith("/")]
    return bool(glob.globmatch(path, fixed, flags=flags) or glob.globmatch(path, free, flags=flags | glob.MATCHBASE))
