"""The store on PostgreSQL, by psycopg and fixed statements."""

from penstock_store.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
