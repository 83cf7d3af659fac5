"""Every platform we speak with: a folder here and one line below."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import cast

from penstock_platforms.ports import Platform
from penstock_platforms.webhooks import Webhook

# Names, not modules: ingest loads the webhook side of one platform and no HTTP client.
_FOLDERS: Mapping[str, str] = {
    "github": "penstock_platforms.github",
}


def names() -> tuple[str, ...]:
    return tuple(_FOLDERS)


def webhook(platform: str) -> Webhook | None:
    """How the platform's webhooks are verified and read; None where we do not speak with it."""
    folder = _FOLDERS.get(platform)
    return None if folder is None else cast(Webhook, import_module(f"{folder}.webhook"))


def connector(platform: str) -> Callable[..., Platform] | None:
    """`connect(token, *, url, instance, limits, transport, now) -> Platform` of the platform's client."""
    folder = _FOLDERS.get(platform)
    return None if folder is None else cast(Callable[..., Platform], import_module(f"{folder}.client").connect)
