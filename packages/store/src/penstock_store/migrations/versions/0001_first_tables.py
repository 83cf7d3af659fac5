"""The first tables. Their text is frozen beside this file; a test compares what it makes with tables.py."""

from importlib.resources import files

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in (
        files("penstock_store.migrations").joinpath("versions/0001_first_tables.sql").read_text().split(";\n")
    ):
        if statement.strip():
            op.execute(statement)
