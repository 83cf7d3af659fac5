"""The Store port with its memory and Postgres adapters, the schema and its migrations."""
