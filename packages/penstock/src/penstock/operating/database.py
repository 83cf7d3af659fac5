"""The store behind the commands: the database that is named, else the embedded one that `penstock up` left."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TextIO

from penstock.operating.ending import DONE, REFUSED
from penstock.operating.settings import GivenDatabase
from penstock_contracts.errors import ContractError
from penstock_orchestrator.fold import OrchestratorFold
from penstock_orchestrator.settings import OrchestratorSettings
from penstock_runtime.errors import SettingsError
from penstock_runtime.settings import load
from penstock_sources.access import SourceSettings
from penstock_store.ports import Store, Streams
from penstock_store.postgres.database import PoolSettings
from penstock_store.postgres.store import PostgresStore
from penstock_store.rows import Refolded

_CONNECTIONS = 2


@contextmanager
def database_url(environ: Mapping[str, str]) -> Iterator[str]:
    """An embedded server that does not run is started, and ended with the command. Raises SettingsError where there is
    neither, LocalError."""
    given = load(GivenDatabase, environ).url
    if given is not None:
        yield given.reveal()
        return
    folder = load(SourceSettings, environ).data_dir.expanduser() / "postgres"
    if not folder.exists():
        raise SettingsError(
            (f"PENSTOCK_DATABASE_URL is missing, and there is no embedded database in {folder} either: set one of "
             "PENSTOCK_DATABASE_URL and PENSTOCK_DATA_DIR to what the service has; `penstock up --demo` has a folder "
             "of its own, which its last lines name",)
        )  # fmt: skip
    from penstock.local.postgres import attach_or_start

    server = attach_or_start(folder)
    try:
        yield server.url()
    finally:
        server.stop()


@asynccontextmanager
async def open_store(environ: Mapping[str, str]) -> AsyncIterator[Store]:
    """Raises what database_url raises, and StoreError."""
    with database_url(environ) as url:
        settings = PoolSettings(size=_CONNECTIONS, application_name="penstock command line")
        store = await PostgresStore.open(url, settings)
        try:
            yield store
        finally:
            await store.close()


def fold_of(environ: Mapping[str, str]) -> OrchestratorFold:
    """The orchestrator's, with the settings that it would read here. Raises SettingsError."""
    return OrchestratorFold(load(OrchestratorSettings, environ).rules())


async def refold(streams: Streams, fold: OrchestratorFold, stream: str, out: TextIO) -> int:
    """All streams, or the one that is named; the exit code."""
    checked, different = 0, 0
    async for name in _names(streams, stream):
        found = await _refolded(streams, fold, name)
        checked += 1
        if not found.equal:
            different += 1
            out.write(f"{name}: {found.found}\n")
    if stream and await streams.load(stream) is None:
        out.write(f"{stream}: there is no such stream\n")
        return REFUSED
    out.write(f"{checked} streams folded again, {different} differ from what is stored\n")
    return REFUSED if different else DONE


async def _names(streams: Streams, stream: str) -> AsyncIterator[str]:
    if stream:
        yield stream
        return
    names = await streams.names()
    while names:
        for name in names:
            yield name
        names = await streams.names(after=names[-1])


async def _refolded(streams: Streams, fold: OrchestratorFold, stream: str) -> Refolded:
    try:
        return await streams.refold(stream, fold)
    except ContractError as error:
        return Refolded(stream, equal=False, found=f"a stored fact cannot be read: {error}")
