"""Which migration this program was built for. A test keeps HEAD equal to the last migration.

Names of migrations are numbers of four digits, so that older and newer can be told from the names alone.
"""

from penstock_store.errors import SchemaMismatch

HEAD = "0001"
EMPTY = "without tables"
VERSION_TABLE = "alembic_version"


def compare(found: str | None) -> None:
    """Raises SchemaMismatch with what to do."""
    if found == HEAD:
        return
    if found is not None and found > HEAD:
        raise SchemaMismatch(found, HEAD, "it is newer, start a newer version of this program")
    raise SchemaMismatch(found or EMPTY, HEAD, "run `penstock db upgrade`")
