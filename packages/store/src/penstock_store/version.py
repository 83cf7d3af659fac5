"""Which migration this program was built for, and which others it can run on. A test keeps HEAD equal to the last one.

Names of migrations are numbers of four digits, so that older and newer can be told from the names alone. A migration
that only adds (expand) leaves the row of workflow.compatibility as it is; one that takes something away (contract)
writes there the oldest program, by its last migration, that does without it. So the program of before runs on until
the contract, and can be gone back to.
"""

from penstock_store.errors import SchemaMismatch

HEAD = "0005"
EMPTY = "without tables"
VERSION_TABLE = "alembic_version"


def compare(found: str | None, oldest: str = "") -> str:
    """What there is to say where this program can run on these tables; `oldest` counts where they are newer. Raises
    SchemaMismatch with what to do."""
    if found == HEAD:
        return f"tables are at {found}, as this program wants them"
    if found is None or found < HEAD:
        raise SchemaMismatch(found or EMPTY, HEAD, "run `penstock db upgrade`")
    if oldest > HEAD:
        raise SchemaMismatch(
            found, HEAD, f"it is newer and needs a program of {oldest} at least, start a newer version of this program"
        )
    return f"tables are at {found}, newer than this program ({HEAD}), and it can run on them"
