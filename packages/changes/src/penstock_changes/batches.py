"""Splits the changed files into batches that are reviewed apart, and says what is left out and why."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from penstock_changes.languages import is_generated
from penstock_changes.model import ChangeStatus, ContentKind, FileChange
from penstock_changes.paths import PathFilter


class LeftOutReason(StrEnum):
    FILTERED = "filtered"
    DELETED = "deleted"
    BINARY = "binary"
    SUBMODULE = "submodule"
    SYMLINK = "symlink"
    GENERATED = "generated"
    UNCHANGED = "unchanged"
    TOO_LARGE = "too_large"
    TOO_MANY = "too_many"


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """`files` and `changed_lines` bound a batch; `file_lines` bounds one file, `total_files` the whole review."""

    files: int = 10
    changed_lines: int = 800
    file_lines: int = 3000
    total_files: int = 500


@dataclass(frozen=True, slots=True)
class Batch:
    index: int
    paths: tuple[str, ...]
    changed_lines: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    path: str
    reason: LeftOutReason


@dataclass(frozen=True, slots=True)
class Split:
    batches: tuple[Batch, ...]
    left_out: tuple[LeftOut, ...]


def split(files: Iterable[FileChange], limits: BatchLimits, paths: PathFilter | None = None) -> Split:
    """In the order of the paths, whatever the order of the files: the same change always gives the same batches.

    Every path is in exactly one batch or left out. A file with more changed lines than a batch may have stands alone.
    """
    chosen = paths or PathFilter()
    sizes: dict[str, int] = {}
    left_out: dict[str, LeftOutReason] = {}
    for change in sorted(files, key=lambda change: change.path):
        reason = _reason(change, limits, chosen)
        if reason is None and change.path not in sizes and len(sizes) >= limits.total_files:
            reason = LeftOutReason.TOO_MANY
        if reason is None:
            sizes[change.path] = sizes.get(change.path, 0) + change.changed_lines
        else:
            left_out[change.path] = reason
    return Split(
        batches=tuple(_packed(sizes, limits)),
        left_out=tuple(LeftOut(path, reason) for path, reason in left_out.items() if path not in sizes),
    )


def _reason(change: FileChange, limits: BatchLimits, paths: PathFilter) -> LeftOutReason | None:
    contents = {
        ContentKind.BINARY: LeftOutReason.BINARY,
        ContentKind.SUBMODULE: LeftOutReason.SUBMODULE,
        ContentKind.SYMLINK: LeftOutReason.SYMLINK,
    }
    rules = (
        (not paths.allows(change.path), LeftOutReason.FILTERED),
        (change.status is ChangeStatus.DELETED, LeftOutReason.DELETED),
        (change.content in contents, contents.get(change.content)),
        (is_generated(change.path), LeftOutReason.GENERATED),
        (change.changed_lines == 0, LeftOutReason.UNCHANGED),
        (change.changed_lines > limits.file_lines, LeftOutReason.TOO_LARGE),
    )
    return next((reason for applies, reason in rules if applies), None)


def _packed(sizes: dict[str, int], limits: BatchLimits) -> list[Batch]:
    batches: list[Batch] = []
    paths: list[str] = []
    lines = 0
    for path, size in sizes.items():
        if paths and (len(paths) >= limits.files or lines + size > limits.changed_lines):
            batches.append(Batch(len(batches), tuple(paths), lines))
            paths, lines = [], 0
        paths.append(path)
        lines += size
    if paths:
        batches.append(Batch(len(batches), tuple(paths), lines))
    return batches
