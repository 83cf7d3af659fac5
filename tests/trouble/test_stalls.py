"""A decision that raises: its stream stalls and says so, the others go on, and a redrive ends the run."""

from typing import Any

from penstock_contracts.event import Event
from penstock_contracts.facts import Fact
from penstock_contracts.inner import WorkflowStalled
from penstock_store.postgres import PostgresStore
from tests.support.waiting import eventually
from tests.trouble.doubles import BROKEN_STREAM
from tests.trouble.page import quoted
from tests.trouble.stage import DOUBLES, Stage, all_but, ended


async def test_a_decision_that_raises_stalls_its_stream_and_a_redrive_after_the_repair_ends_its_run(
    place: Stage,
) -> None:
    async with all_but(place, "orchestrator"):
        repository = await place.repository()
        stream_end = f":{repository.id}:1"
        broken = place.start(DOUBLES, "cannot-decide", **{BROKEN_STREAM: stream_end})
        await place.pull_request(repository)
        await place.pull_request(repository)

        async def one_over_one_stalled() -> tuple[dict[str, Any], dict[str, Any]] | None:
            by_end = {run["stream"].endswith(stream_end): run for run in await place.runs()}
            letters = await place.dead_letters()
            return (by_end[True], letters[0]) if letters and by_end.get(False, {}).get("finished_at") else None

        run, letter = await eventually(one_over_one_stalled, within=40, what="one run to be over, the other stalled")
        stalled = await stall_of(place, run["stream"])
        assert (letter["reason"], letter["event_type"]) == ("stalled", "config.resolved")
        assert (stalled.event_id, stalled.stage, stalled.run_id) == (letter["event_id"], "prepare", run["id"])
        assert stalled.error == letter["error"] == "KeyError: 'no rule for this configuration'"
        assert stalled.remedy == quoted(letter["remedy"])
        assert outcome_of(place, letter["event_id"]) == "stalled"
        assert (run["status"], run["finished_at"]) == ("PROCESSING", None)
        assert run["waiting_for"] == f"redrive of {letter['event_id']}"

        broken.process.terminate()
        assert await ended(broken) == 0
        place.start("penstock_orchestrator")
        redrive = place.start("penstock.cli", "dlq", "redrive", letter["id"])
        assert await ended(redrive) == 0, redrive.output()

        over = await place.over(runs=2)
        assert [one["outcome"] for one in over] == ["reviewed", "reviewed"]
        assert outcome_of(place, letter["event_id"]) == "applied"
        assert not await place.dead_letters()
        assert place.reviews() == 2


async def stall_of(place: Stage, stream: str) -> WorkflowStalled:
    store = await PostgresStore.open(place.database_url)
    try:
        facts: list[Event[Fact]] = list(await store.streams.facts(stream))
    finally:
        await store.close()
    (stalled,) = [event.fact for event in facts if isinstance(event.fact, WorkflowStalled)]
    return stalled


def outcome_of(place: Stage, event_id: str) -> str:
    ((outcome,),) = place.rows(f"select outcome from workflow.inbox_messages where event_id = '{event_id}'")
    return str(outcome)
