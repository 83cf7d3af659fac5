"""Runs that wait for their turn, and runs that are under way, as whoever gives the turns sees them."""

from dataclasses import replace
from datetime import timedelta

from penstock_contracts.enums import PullRequestKind, Stage
from penstock_contracts.envelope import Envelope
from penstock_contracts.event import Event
from penstock_contracts.facts import PrReceived
from penstock_contracts.ids import run_id, stream_of, subject_of
from penstock_orchestrator.admission import Admission
from penstock_orchestrator.fold import OrchestratorFold
from penstock_orchestrator.rules import Limits, Rules
from penstock_runtime.retry import STANDARD
from penstock_store.ports import Store
from penstock_store.rows import Delivered, RawRecord, UnderWay
from tests.suites.store.worlds import Later
from tests.support.toy_fold import START

RULES = Rules(schedules=dict.fromkeys(Stage, STANDARD))
IN_TURN = OrchestratorFold(replace(RULES, in_turn=True))
AT_ONCE = OrchestratorFold(RULES)


def opened(number: int, repository: str = "acme/shop") -> Delivered:
    fact = PrReceived(PullRequestKind.OPENED, "github", "github.com", repository, repository, number, f"d{number}")
    envelope = Envelope(f"{repository}#{number}", fact.TYPE, "tests", START, stream_of(fact), subject_of(fact))
    return Delivered(Event(envelope, fact), RawRecord(fact.TYPE, 0, 0, None, (), None))


def run_of(delivered: Delivered) -> str:
    return run_id(delivered.event.envelope.stream, delivered.event.envelope.id)


async def open_in_turn(store: Store, later: Later, *events: Delivered) -> None:
    for event in events:
        await store.streams.apply("orchestrator", [event], IN_TURN)
        await later(0.001)


async def requests(store: Store) -> int:
    rows = await store.outbox.unsent(range(8), 1000)
    return sum(row.topic == "prepare.requested" for row in rows)


class TurnSuite:
    async def test_a_run_that_waits_for_its_turn_has_asked_for_nothing(self, store: Store, later: Later) -> None:
        await open_in_turn(store, later, opened(1), opened(2, "globex/site"))

        assert await requests(store) == 0
        pending = await store.jobs.pending(10)
        shown = [(one.organisation, one.repository, one.timer.kind) for one in pending]
        assert sorted(shown) == [
            ("acme", "acme/shop", "attempt"),
            ("acme", "acme/shop", "run"),
            ("globex", "globex/site", "attempt"),
            ("globex", "globex/site", "run"),
        ]
        assert [one.timer.run_id for one in pending[::2]] == [run_of(opened(1)), run_of(opened(2, "globex/site"))]
        assert await store.jobs.under_way() == []

    async def test_of_each_repository_its_oldest_runs_are_seen(self, store: Store, later: Later) -> None:
        await open_in_turn(store, later, opened(1), opened(2), opened(3), opened(1, "globex/site"))

        seen = {one.timer.run_id for one in await store.jobs.pending(1)}

        assert seen == {run_of(opened(1)), run_of(opened(1, "globex/site"))}

    async def test_what_is_under_way_is_counted_by_repository(self, store: Store, later: Later) -> None:
        await store.streams.apply("orchestrator", [opened(1), opened(2), opened(1, "globex/site")], AT_ONCE)
        await open_in_turn(store, later, opened(3))

        assert await store.jobs.under_way() == [
            UnderWay("acme", "acme/shop", "config.resolved", 2),
            UnderWay("globex", "globex/site", "config.resolved", 1),
        ]

    async def test_a_turn_begins_the_run_once_and_the_limit_holds(self, store: Store, later: Later) -> None:
        await open_in_turn(store, later, *(opened(number) for number in range(5)))
        admission = Admission(store, IN_TURN, Limits(repository=2), timedelta(seconds=5))

        assert [(await admission.piece()).done for _ in range(3)] == [2, 0, 0]

        assert await requests(store) == 2
        assert sum(one.runs for one in await store.jobs.under_way()) == 2
        waiting = [one.timer.run_id for one in await store.jobs.pending(10) if one.timer.kind == "attempt"]
        assert waiting == [run_of(opened(number)) for number in (2, 3, 4)]
