"""What the orchestrator keeps going beside its loop."""

from collections.abc import Mapping

import pytest

from penstock_contracts.codec import Codec
from penstock_eventlog.housekeeping import Housekeeper
from penstock_eventlog.memory import MemoryLog
from penstock_eventlog.workbench import Workbench, workbench
from penstock_orchestrator.admission import ADMISSION
from penstock_orchestrator.bootstrap import keepers
from penstock_orchestrator.fold import OrchestratorFold
from penstock_orchestrator.settings import OrchestratorSettings
from penstock_store.memory.store import MemoryStore
from tests.suites.store.turns import IN_TURN, opened, requests
from tests.support.assembling import context_of


def giving_turns(bench: Workbench, environ: Mapping[str, str]) -> Housekeeper:
    context = context_of(environ)
    fold = OrchestratorFold(context.load(OrchestratorSettings).rules())
    (found,) = [
        each for each in keepers(context, bench, fold) if isinstance(each, Housekeeper) and each.name == ADMISSION
    ]
    return found


@pytest.mark.parametrize(
    ("environ", "begun", "at_least_every"), [({"PENSTOCK_LIMIT_REPOSITORY": "1"}, 1, 1.0), ({}, 4, 60.0)]
)
async def test_runs_that_wait_for_their_turn_begin_also_when_the_limit_was_lifted(
    environ: Mapping[str, str], begun: int, at_least_every: float
) -> None:
    context, codec = context_of({}), Codec()
    store = MemoryStore(context.clock, codec=codec)
    for number in range(4):
        await store.streams.apply("orchestrator", [opened(number)], IN_TURN)
    assert await requests(store) == 0

    rest = await giving_turns(workbench(context, store, MemoryLog(), codec), environ).step()

    assert await requests(store) == begun
    assert 0 < rest <= at_least_every
