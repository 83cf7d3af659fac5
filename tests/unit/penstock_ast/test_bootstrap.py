"""The analysis as a process."""

import pytest

from penstock_ast.bootstrap import assemble
from penstock_runtime.errors import SettingsError
from tests.support.assembling import assembled


async def test_one_loop_hears_what_is_asked_of_the_analysis() -> None:
    async with assembled(assemble, {"PENSTOCK_AST_WORKERS": "1", "PENSTOCK_GITHUB_TOKEN": "t"}) as service:
        assert [machine.name for machine in service.machines] == ["loop.penstock-ast"]
        assert {check.name for check in service.checks} == {"database", "log", "loop.penstock-ast"}


async def test_a_bad_value_stops_the_start_by_its_name() -> None:
    with pytest.raises(SettingsError, match="PENSTOCK_AST_WORKERS"):
        async with assembled(assemble, {"PENSTOCK_AST_WORKERS": "none"}):
            raise AssertionError("it was built")
