"""Whether this program can run on a database as it is, asked on a connection that is there already."""

from penstock_store import version
from penstock_store.errors import StoreUnavailable
from penstock_store.postgres.database import Connection

_HAS_VERSION = f"select to_regclass('workflow.{version.VERSION_TABLE}') is not null"
_VERSION = f"select version_num from workflow.{version.VERSION_TABLE}"
_OLDEST = "select oldest from workflow.compatibility"
_READ_ONLY = "select current_setting('transaction_read_only')::boolean"


async def check_version(connection: Connection) -> None:
    """Raises SchemaMismatch."""
    has_version = await (await connection.execute(_HAS_VERSION)).fetchone()
    row = await (await connection.execute(_VERSION)).fetchone() if has_version and has_version[0] else None
    found = row[0] if row else None
    if found is None or found <= version.HEAD:
        version.compare(found)
        return
    oldest = await (await connection.execute(_OLDEST)).fetchone()
    version.compare(found, oldest[0] if oldest else "")


async def check_writable(connection: Connection) -> None:
    """Raises StoreUnavailable for a standby that nobody promoted, and for one where somebody switched writing off."""
    row = await (await connection.execute(_READ_ONLY)).fetchone()
    if row and row[0]:
        raise StoreUnavailable("the database is read-only: is it the primary server?")
