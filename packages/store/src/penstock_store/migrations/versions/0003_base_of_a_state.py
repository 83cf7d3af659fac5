"""What a state that is stored as a delta is a delta of."""

from importlib.resources import files

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in (
        files("penstock_store.migrations").joinpath("versions/0003_base_of_a_state.sql").read_text().split(";\n")
    ):
        if statement.strip():
            op.execute(statement)
