"""Which names of commits and which clone URLs are safe to hand to git."""

import re
from urllib.parse import urlsplit

from penstock_sources.errors import InvalidRepository, InvalidRevision

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_NAME = re.compile(r"[^-^~.].*")
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f:?*\[\\]|\.\.")


def checked_commit(commit: str) -> str:
    """The full id of a commit; raises InvalidRevision for anything else."""
    if not _COMMIT.fullmatch(commit):
        raise InvalidRevision(f"{commit[:80]!r} is no full commit id")
    return commit


def checked_name(name: str) -> str:
    """A branch, a tag, an expression such as HEAD~2; raises InvalidRevision for what git could take for an option."""
    if not _NAME.fullmatch(name) or _FORBIDDEN.search(name):
        raise InvalidRevision(f"{name[:80]!r} is no name of a commit")
    return name


def checked_clone_url(url: str, protocols: tuple[str, ...]) -> str:
    """Raises InvalidRepository for another protocol than the allowed ones, and for a URL with a password in it."""
    parts = urlsplit(url)
    if parts.scheme not in protocols:
        raise InvalidRepository(f"its clone URL must begin with one of {', '.join(protocols)}")
    if parts.password is not None or (parts.username is not None and parts.scheme != "ssh"):
        raise InvalidRepository("its clone URL contains a credential; set the credential apart from the URL")
    if any(character < " " for character in url) or (parts.hostname or "").startswith("-"):
        raise InvalidRepository("its clone URL contains characters that no URL has")
    return url
