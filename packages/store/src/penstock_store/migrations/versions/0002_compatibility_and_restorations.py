"""What older programs can run on these tables, and when a backup was put back."""

from importlib.resources import files

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in (
        files("penstock_store.migrations")
        .joinpath("versions/0002_compatibility_and_restorations.sql")
        .read_text()
        .split(";\n")
    ):
        if statement.strip():
            op.execute(statement)
