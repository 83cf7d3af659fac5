"""Every platform we speak with: a folder here and one line below."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from penstock_platforms.limits import Limits
from penstock_platforms.webhooks import Webhook

if TYPE_CHECKING:
    from penstock_platforms.ports import Platform
    from penstock_runtime.metrics import Metrics

# Names, not modules: ingest loads the webhook side of one platform and no HTTP client.
_FOLDERS: Mapping[str, str] = {
    "github": "penstock_platforms.github",
}


class Connector(Protocol):
    """`connect` of a platform's `client` module: one client per instance and process. The defaults are the
    platform's public instance; its requests are counted in the metrics of the process, where they are given."""

    def __call__(
        self,
        token: str,
        *,
        url: str = ...,
        instance: str = ...,
        limits: Limits | None = None,
        metrics: Metrics | None = None,
    ) -> Platform: ...


def names() -> tuple[str, ...]:
    return tuple(_FOLDERS)


def webhook(platform: str) -> Webhook | None:
    """How the platform's webhooks are verified and read; None where we do not speak with it."""
    folder = _FOLDERS.get(platform)
    return None if folder is None else cast(Webhook, import_module(f"{folder}.webhook"))


def connector(platform: str) -> Connector | None:
    """How the platform is connected to; None where we do not speak with it."""
    folder = _FOLDERS.get(platform)
    return None if folder is None else cast(Connector, import_module(f"{folder}.client").connect)
