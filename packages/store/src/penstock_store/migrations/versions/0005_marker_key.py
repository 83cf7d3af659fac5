"""The key of the marks in what is said, which outlasts the tokens it was made from."""

from importlib.resources import files

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in (
        files("penstock_store.migrations").joinpath("versions/0005_marker_key.sql").read_text().split(";\n")
    ):
        if statement.strip():
            op.execute(statement)
