"""Which platform sent a webhook, told from its headers alone."""

from __future__ import annotations

from collections.abc import Mapping

# Gitea and Forgejo send copies of GitHub's headers beside their own, Forgejo also Gitea's:
# the first match wins, so whoever imitates comes before whom it imitates.
_SIGNS: tuple[tuple[str, str], ...] = (
    ("x-forgejo-event", "forgejo"),
    ("x-gitea-event", "gitea"),
    ("x-gitlab-event", "gitlab"),
    ("x-github-event", "github"),
)


def detect(headers: Mapping[str, str]) -> str | None:
    """The name of the platform, or None. Header names must be lower case, as ASGI gives them."""
    return next((platform for header, platform in _SIGNS if header in headers), None)
