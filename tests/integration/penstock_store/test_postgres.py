"""The Postgres store passes the suite of all stores."""

from tests.suites.store.whole import WholeSuite, filled

__all__ = ["filled"]


class TestPostgresStore(WholeSuite):
    pass
