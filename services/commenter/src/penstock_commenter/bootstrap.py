"""Puts the commenter together: the only place that knows which adapters stand behind its ports."""

import hmac
import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from penstock_commenter.adapters.platforms import ConnectedPlatforms
from penstock_commenter.doubts import Doubts
from penstock_commenter.handler import HANDLES, Commenter
from penstock_commenter.identity import Markers
from penstock_commenter.occasion import Voice
from penstock_commenter.ports import Platforms
from penstock_commenter.settings import CommenterSettings
from penstock_commenter.sweeper import Sweeper
from penstock_eventlog import loop
from penstock_eventlog.handles import bound
from penstock_eventlog.loop import Loop
from penstock_eventlog.wanted import Wanted
from penstock_eventlog.work import OneByOne
from penstock_eventlog.workbench import Workbench, standing_apart
from penstock_eventlog.worker import worker_loops
from penstock_platforms import registry
from penstock_platforms.outgoing import limits_of
from penstock_platforms.ports import Platform
from penstock_runtime.calls import OutgoingSettings
from penstock_runtime.metrics import Metrics
from penstock_runtime.process import Context, Service
from penstock_runtime.settings import PlatformAccess, platform_access
from penstock_store.ports import Store

SERVICE = "commenter"
_DERIVED = b"penstock: marks in what we post"
_log = logging.getLogger(__name__)


async def assemble(context: Context, bench: Workbench) -> Service:
    settings = context.load(CommenterSettings)
    access = platform_access(context.environ)
    voice = Voice(
        context=settings.context,
        markers=await markers_of(bench.store, settings, access),
        redact=context.redactor.redact,
        public_url=(settings.public_url or "").rstrip("/"),
    )
    platforms = platforms_of(access, settings, context.load(OutgoingSettings), context.metrics)
    commenter = commenter_of(bench, platforms, voice, settings, context.instance)
    sweeper = Sweeper(
        store=bench.store,
        platforms=platforms,
        doubts=commenter.doubts,
        clock=context.clock,
        voice=voice,
        timing=settings.timing,
        metrics=context.metrics,
        holder=f"{context.instance}/sweeper",
    )
    return Service(machines=(*loops(bench, commenter), sweeper), close=(platforms.close,))


def commenter_of(
    bench: Workbench, platforms: Platforms, voice: Voice, settings: CommenterSettings, holder: str
) -> Commenter:
    """On whatever platforms are given."""
    return Commenter(
        store=bench.store,
        platforms=platforms,
        wanted=Wanted(bench.store.executions),
        clock=bench.tools.clock,
        steps=bench.tools.steps,
        voice=voice,
        timing=settings.timing,
        doubts=Doubts(bench.tools.clock),
        holder=holder,
        on_failure=settings.failed_status,
    )


def loops(bench: Workbench, commenter: Commenter, limits: loop.Limits | None = None) -> tuple[Loop, ...]:
    return worker_loops(SERVICE, OneByOne(bound(HANDLES, commenter)), bench.tools, limits=limits)


async def markers_of(store: Store, settings: CommenterSettings, access: Mapping[str, PlatformAccess]) -> Markers:
    """Under the key of the installation, which the first commenter made: what was said under one token is found again
    with another. Raises StoreUnavailable."""
    given = settings.marker_secret
    kept = await store.effects.marker_key(first_marker_key(settings, access))
    if given is not None and not hmac.compare_digest(kept, given.reveal().encode()):
        _log.warning("PENSTOCK_MARKER_SECRET changes nothing: another key of marks is kept in the database")
    return Markers(kept)


def first_marker_key(settings: CommenterSettings, access: Mapping[str, PlatformAccess]) -> bytes:
    """Of an installation that keeps none. It follows from the tokens, as it did when none was kept: so marks of then
    are known, and a commenter of then, that runs on during an upgrade, knows these."""
    if settings.marker_secret is not None:
        return settings.marker_secret.reveal().encode()
    tokens = [known.token.reveal() for _, known in sorted(access.items()) if known.token is not None]
    return hmac.digest("\n".join(tokens).encode(), _DERIVED, "sha256") if tokens else secrets.token_bytes(32)


def platforms_of(
    access: Mapping[str, PlatformAccess], settings: CommenterSettings, outgoing: OutgoingSettings, metrics: Metrics
) -> ConnectedPlatforms:
    """A client for every platform that has a token and that we speak with. A lease is a multiple of what a call may
    take, so that here calls have a limit of their own."""
    limits = replace(limits_of(outgoing), call=settings.call_seconds, total=settings.call_seconds)
    connects: dict[str, Callable[[str], Platform]] = {}
    for name, known in access.items():
        connector = registry.connector(name)
        if connector is not None and known.token is not None:
            address = {} if known.url is None else {"url": known.url}
            connects[name] = partial(
                _connect, partial(connector, limits=limits, metrics=metrics, **address), known.token.reveal()
            )
    return ConnectedPlatforms(connects)


def _connect(connector: Callable[..., Platform], token: str, instance: str) -> Platform:
    return connector(token, instance=instance)


build = standing_apart(assemble)
