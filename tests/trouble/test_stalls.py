"""Every way in which a run stalls, caused with real processes: it says event, stage and remedy, in the API and on the
terminal, the others go on, and what the remedy tells to type ends the run, with nothing said twice."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from penstock_platforms.forge.faults import Fault, FaultKind
from penstock_platforms.forge.model import Repository
from tests.support.processes import StartedProcess
from tests.support.waiting import eventually
from tests.trouble.doubles import BROKEN_HOW, BROKEN_STREAM, Broken
from tests.trouble.remedies import carry_out, penstock, stall_of
from tests.trouble.stage import DOUBLES, Stage, all_but, ended

Row = Mapping[str, Any]


@dataclass(slots=True)
class Stalled:
    """A run that an orchestrator with a mistake cannot bring on."""

    place: Stage
    run: Row
    letter: Row
    orchestrator: StartedProcess

    async def repair(self) -> None:
        """The version with the mistake goes, one without it comes."""
        self.orchestrator.process.terminate()
        await ended(self.orchestrator)
        self.place.start("penstock_orchestrator")

    async def words(self) -> Row:
        """What it says of itself, everywhere."""
        told = await stall_of(self.place, self.run)
        assert (told["letter_id"], told["run_id"]) == (self.letter["id"], self.run["id"])
        assert self.run["waiting_for"] == f"redrive of {told['event_id']}, or discard"
        assert self.run["finished_at"] is None
        assert outcome_of(self.place, told["event_id"]) == "stalled"
        return told


@asynccontextmanager
async def stalled(place: Stage, how: Broken, *missing: str) -> AsyncIterator[Stalled]:
    """What is `missing` beside the orchestrator has to be there already."""
    async with all_but(place, "orchestrator", *missing):
        repository = await place.repository()
        broken = broken_orchestrator(place, repository, how)
        await place.pull_request(repository)
        if how is Broken.POISON:
            await dies(place, repository, broken)
            broken = broken_orchestrator(place, repository, how)

        async def one_letter() -> tuple[Row, Row] | None:
            letters, runs = await place.dead_letters(), await place.runs()
            return (runs[0], letters[0]) if letters else None

        found = await eventually(one_letter, within=60, what="the run to be stalled")
        assert found
        run, letter = found
        assert letter["reason"] == "stalled"
        yield Stalled(place, run, letter, broken)


def broken_orchestrator(place: Stage, repository: Repository, how: Broken) -> StartedProcess:
    return place.start(DOUBLES, "cannot-decide", **{BROKEN_STREAM: f":{repository.id}:1", BROKEN_HOW: how})


async def dies(place: Stage, repository: Repository, process: StartedProcess) -> None:
    """Five times: twice among others, three times alone."""
    for _ in range(4):
        await ended(process, within=40)
        process = broken_orchestrator(place, repository, Broken.POISON)
    await ended(process, within=40)


@pytest.mark.parametrize("how", [Broken.DECIDE, Broken.EVOLVE, Broken.POISON])
async def test_an_answer_that_cannot_be_applied_says_so_and_a_redrive_after_the_repair_ends_its_run(
    place: Stage, how: Broken
) -> None:
    async with stalled(place, how) as stall:
        told = await stall.words()
        assert (told["event_type"], told["stage"]) == ("config.resolved", "prepare")
        await stall.repair()
        assert "applied to" in await carry_out(place, told["remedy"])

        (run,) = await place.over()
        assert (run["outcome"], place.reviews(), run["waiting_for"]) == ("reviewed", 1, "")
        assert outcome_of(place, told["event_id"]) == "applied"
        assert await place.dead_letters() == []
        assert (await place.get(f"jobs/{run['id']}"))["stalls"] == []


@pytest.mark.parametrize(("way", "outcome"), [("discard", "discarded"), ("redrive", "applied")])
async def test_either_way_out_of_an_answer_that_the_database_refuses_ends_its_run(
    place: Stage, way: str, outcome: str
) -> None:
    async with stalled(place, Broken.REFUSED) as stall:
        told = await stall.words()
        await stall.repair()
        assert outcome in await carry_out(place, told["remedy"], f"penstock dlq {way}")

        (run,) = await place.over()
        assert (run["outcome"], place.reviews(), run["waiting_for"]) == ("reviewed", 1, "")
        assert await place.dead_letters() == []
        assert (await place.get(f"jobs/{run['id']}"))["stalls"] == []


@pytest.mark.parametrize("discarded", [False, True], ids=["redriven", "discarded"])
async def test_what_stalls_a_run_that_is_publishing_is_shown_and_cleared_and_nothing_is_said_twice(
    place: Stage, discarded: bool
) -> None:
    async with stalled(place, Broken.PUBLISHED) as stall:
        told = await stall.words()
        assert (told["event_type"], told["stage"]) == ("comments.published", "comments")
        assert (stall.run["status"], place.reviews()) == ("PROCESSING", 1)
        await stall.repair()
        if discarded:
            assert (await penstock(place, "dlq", "discard", told["letter_id"], "--reason", "it is old"))[0] == 0
        else:
            assert "applied to" in await carry_out(place, told["remedy"])

        (run,) = await place.over()
        assert (run["outcome"], run["waiting_for"]) == ("reviewed", "")
        assert (place.reviews(), len(place.summaries(1))) == (1, 1)
        attempts = [row["outcome"] for row in await place.history(run, "comments") if row["part"] == "review"]
        assert attempts == (["failed", "ok"] if discarded else ["ok"])
        assert await place.dead_letters() == []
        assert (await place.get(f"jobs/{run['id']}"))["stalls"] == []


async def test_a_timer_that_stalls_a_run_that_is_publishing_is_redriven_and_its_review_is_said_once(
    place: Stage,
) -> None:
    place.forge.faults.add(Fault(FaultKind.STATUS, method="POST", path=r"/reviews$", status=500))
    async with stalled(place, Broken.TIMER) as stall:
        told = await stall.words()
        assert (told["event_type"], told["stage"]) == ("timer.fired", "comments")
        assert (stall.run["status"], place.reviews()) == ("PROCESSING", 0)
        await stall.repair()
        assert "applied to" in await carry_out(place, told["remedy"])

        (run,) = await place.over()
        assert (run["outcome"], place.reviews(), len(place.summaries(1))) == ("reviewed", 1, 1)
        attempts = [row["outcome"] for row in await place.history(run, "comments") if row["part"] == "review"]
        assert attempts == ["failed", "ok"]
        assert await place.dead_letters() == []


async def test_a_timer_that_cannot_be_applied_says_so_and_a_redrive_asks_the_stage_again(place: Stage) -> None:
    raises = place.start(DOUBLES, "raises")
    async with stalled(place, Broken.TIMER, "ast") as stall:
        told = await stall.words()
        assert (told["event_type"], told["stage"]) == ("timer.fired", "ast")
        raises.process.terminate()
        await ended(raises)
        place.start("penstock_ast")
        await stall.repair()
        await carry_out(place, told["remedy"])
        (run,) = await place.over()
        assert [row["outcome"] for row in await place.history(run, "ast")] == ["failed", "ok"]
        assert (run["outcome"], place.reviews()) == ("reviewed", 1)


async def test_a_redrive_before_the_repair_fails_again_says_why_and_leaves_the_way_open(place: Stage) -> None:
    async with stalled(place, Broken.DECIDE) as stall:
        letter = stall.letter["id"]
        for _ in range(2):
            code, output = await penstock(place, "dlq", "redrive", "--all")
            assert code == 1
            assert f"{letter}  it cannot be applied yet: KeyError: 'no rule for this configuration'" in output
        shown = await place.get(f"dead-letters/{letter}")
        assert [(one["actor"], one["error"]) for one in shown["redrives"]] == [
            ("nobody", "KeyError: 'no rule for this configuration'")
        ] * 2
        await stall.repair()
        code, output = await penstock(place, "dlq", "redrive", "--all")
        assert (code, "applied to" in output) == (0, True)
        (run,) = await place.over()
        assert (run["outcome"], place.reviews()) == ("reviewed", 1)
        code, output = await penstock(place, "dlq", "redrive", letter)
        assert (code, "is settled: redriven by nobody" in output) == (1, True)


async def test_what_stalls_while_it_is_paused_waits_for_resume_after_its_redrive(place: Stage) -> None:
    async with stalled(place, Broken.DECIDE) as stall:
        run, told = stall.run["id"], await stall.words()
        assert (await penstock(place, "jobs", "pause", run))[0] == 0
        await stall.repair()
        await carry_out(place, told["remedy"])

        async def waits_for_resume() -> bool:
            return bool((await place.get(f"jobs/{run}"))["waiting_for"] == "workflow.control resume")

        await eventually(waits_for_resume, what="the run to wait for resume")
        assert (await penstock(place, "jobs", "resume", run))[0] == 0
        (over,) = await place.over()
        assert (over["outcome"], place.reviews()) == ("reviewed", 1)


async def test_a_redrive_of_a_run_that_was_cancelled_meanwhile_settles_its_letter_and_says_nothing(
    place: Stage,
) -> None:
    async with stalled(place, Broken.DECIDE) as stall:
        assert (await penstock(place, "jobs", "cancel", stall.run["id"]))[0] == 0
        (run,) = await place.over()
        assert run["status"] == "CANCELLED"
        await stall.repair()
        code, output = await penstock(place, "dlq", "redrive", stall.letter["id"])
        assert (code, "applied to" in output) == (0, True)
        (after,) = await place.runs()
        assert (after, place.reviews()) == (run, 0)
        assert await place.dead_letters() == []


async def test_a_discarded_answer_is_asked_for_again_and_its_run_ends(place: Stage) -> None:
    async with stalled(place, Broken.DECIDE) as stall:
        await stall.repair()
        code, _ = await penstock(place, "dlq", "discard", stall.letter["id"], "--reason", "it is old")
        assert code == 0
        (run,) = await place.over()
        assert (run["outcome"], place.reviews()) == ("reviewed", 1)
        attempts = await place.history(run, "prepare")
        assert [(row["attempt"], row["outcome"]) for row in attempts] == [(1, "failed"), (2, "ok")]
        settled = await place.get("dead-letters?state=resolved")
        assert [one["resolution"] for one in settled["dead_letters"]] == ["discarded by nobody: it is old"]
        who = "select actor from workflow.facts where type = 'repair.requested'"
        assert place.rows(who) == [("nobody",)]


async def test_one_stalled_pull_request_stops_no_other(place: Stage) -> None:
    async with stalled(place, Broken.DECIDE) as stall:
        (repository,) = place.forge.world.state.repositories()
        await place.pull_request(repository)

        async def other_is_over() -> Row | None:
            others = [run for run in await place.runs() if run["stream"] != stall.run["stream"]]
            return others[0] if others and others[0]["finished_at"] else None

        other = await eventually(other_is_over, within=40, what="the other run to be over")
        assert other
        assert other["outcome"] == "reviewed"
        assert (await place.get(f"jobs/{other['id']}"))["stalls"] == []


def outcome_of(place: Stage, event_id: str) -> str:
    ((outcome,),) = place.rows(f"select outcome from workflow.inbox_messages where event_id = '{event_id}'")
    return str(outcome)
