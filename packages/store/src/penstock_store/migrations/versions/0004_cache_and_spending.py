"""Entries of the cache, and what models were asked and what it cost."""

from importlib.resources import files

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in (
        files("penstock_store.migrations").joinpath("versions/0004_cache_and_spending.sql").read_text().split(";\n")
    ):
        if statement.strip():
            op.execute(statement)
