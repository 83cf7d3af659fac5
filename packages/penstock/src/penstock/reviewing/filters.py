"""Filters as they are typed, from the folder somebody is in, become patterns from the top of the working copy."""

from pathlib import Path, PurePosixPath

from penstock_changes.paths import PathFilter
from penstock_sources.errors import InvalidRevision

_MARKS = "*?[{"


def filter_of(paths: tuple[str, ...], folder: Path, top: Path) -> PathFilter:
    """Raises InvalidRevision for a path that leaves the working copy."""
    if not paths:
        return PathFilter()
    here, root = folder.resolve(), top.resolve()
    return PathFilter(tuple(_pattern(path, here, root) for path in paths))


def _pattern(path: str, here: Path, root: Path) -> str:
    """What exists is meant itself, whatever characters are in its name; else it may be a glob. A glob without a slash
    is compared with names at any depth, as in .penstock.yaml."""
    if (here / path).exists() or not any(mark in path for mark in _MARKS):
        inside = _inside(path, here, root)
        return _folder(inside) if path.endswith("/") or (root / inside).is_dir() else f"/{_literally(inside)}"
    steps = PurePosixPath(path).parts
    fixed = next(index for index, step in enumerate(steps) if any(mark in step for mark in _MARKS))
    inside = _inside("/".join(steps[:fixed]) or ".", here, root)
    deep = () if "/" in path else ("**",)
    return "/" + "/".join([*map(_literally, inside.parts), *deep, *steps[fixed:]])


def _inside(path: str, here: Path, root: Path) -> Path:
    whole = Path(here / path).resolve()
    if not whole.is_relative_to(root):
        raise InvalidRevision(f"{path} lies outside of {root}")
    return whole.relative_to(root)


def _folder(inside: Path) -> str:
    return f"/{_literally(inside)}/" if inside.parts else "/**"


def _literally(path: Path | str) -> str:
    from wcmatch import glob

    return glob.escape(Path(path).as_posix(), unix=True)
