"""What Alembic runs: the migrations on the connection that `upgrade` hands over."""

from alembic import context

from penstock_store.tables import SCHEMA, metadata
from penstock_store.version import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    version_table_schema=SCHEMA,
    include_schemas=True,
)
with context.begin_transaction():
    context.run_migrations()
