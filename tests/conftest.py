"""The fixtures of all tests, and the marks that follow from using them."""

from collections.abc import Generator

import pytest
from hypothesis import settings

# How long one example takes says more about the machine than about the code.
settings.register_profile("penstock", deadline=None)
settings.load_profile("penstock")

pytest_plugins = ["tests.support.kafka", "tests.support.postgres", "tests.support.processes"]

_MARK_OF_FIXTURE = {
    "postgres_server": "postgres",
    "mortal_postgres_server": "postgres",
    "kafka_bootstrap": "kafka",
    "kafka_cluster": "kafka",
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that uses a real server carries its mark, whether or not its author thought of it."""
    for item in items:
        for fixture in set(getattr(item, "fixturenames", ())) & set(_MARK_OF_FIXTURE):
            item.add_marker(_MARK_OF_FIXTURE[fixture])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a test logged goes from a worker to the runner as UTF-8: half a character in it would end the worker."""
    report = yield
    report.sections = [(name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections]
    return report
