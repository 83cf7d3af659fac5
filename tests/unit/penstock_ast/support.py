"""Changes made from two texts."""

from penstock_changes.diffs import parse_diff
from penstock_changes.model import FileChange
from penstock_sources.fake import unified_diff


def change_of(path: str, before: str | None, after: str | None) -> FileChange:
    """What git would say of one file; None is a side without it."""
    old, new = ({} if text is None else {path: text.encode()} for text in (before, after))
    (change,) = parse_diff(unified_diff(old, new))
    return change
