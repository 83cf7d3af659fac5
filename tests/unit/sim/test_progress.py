"""The judge of progress, on the facts of a run that went well and on what they would be had it not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pytest

from penstock_contracts.enums import AnswerOutcome, ErrorClassification, Stage
from penstock_contracts.event import Event
from penstock_contracts.facts import AstCompleted, AstRequested, Fact, PrReceived
from penstock_contracts.inner import HeadAdopted, StageGivenUp, WorkflowCancelled, WorkflowFailed, WorkflowPaused
from tests.sim.actions import Action, Kind
from tests.sim.coverage import Coverage
from tests.sim.progress import Progress
from tests.sim.simulation import WHOLE, Schedule, Simulator
from tests.sim.terms import Terms
from tests.sim.witness import Witness
from tests.sim.world import World


@dataclass(frozen=True, slots=True)
class Course:
    """What happened to a pull request."""

    stream: str
    witness: Witness
    events: Sequence[Event[Fact]]

    @property
    def run(self) -> str:
        return next(event.envelope.workflow_id for event in self.events if event.envelope.workflow_id)

    def broken(self) -> list[str]:
        return list(Progress(Terms().rules(), self.witness, self.events).broken(self.stream))

    def without(self, kind: type[Fact]) -> "Course":
        return replace(self, events=[event for event in self.events if not isinstance(event.fact, kind)])

    def also(self, fact: Fact, after: type[Fact]) -> "Course":
        """As if this had been concluded as well."""
        place = next(index for index, event in enumerate(self.events) if isinstance(event.fact, after))
        envelope = replace(self.events[place].envelope, id="another", type=fact.TYPE, workflow_id=self.run)
        known = list(self.events)
        return replace(self, events=[*known[: place + 1], Event(envelope, fact), *known[place + 1 :]])

    def instead(self, fact: Fact) -> "Course":
        """As if this had been said in the place of what is of its kind."""
        events = [Event(each.envelope, fact) if isinstance(each.fact, type(fact)) else each for each in self.events]
        return replace(self, events=events)


async def _course(world: World) -> Course:
    stream, store = world.stream(1), await world.ground.store()
    return Course(stream, world.witness, await store.streams.facts(stream))


@pytest.fixture(scope="module")
def course() -> Iterator[Course]:
    simulator = Simulator(Coverage())
    yield simulator.ending(Schedule(1, WHOLE, Terms(), 1, 0.0, (Action(Kind.PUSH),)), _course)
    simulator.close()


def test_a_run_that_went_well_has_progressed(course: Course) -> None:
    assert course.broken() == []


def test_what_was_accepted_and_is_in_no_fact_is_lost(course: Course) -> None:
    (found,) = course.without(PrReceived).broken()
    assert "was accepted, and is in no fact" in found


def test_a_pause_lets_nothing_be_asked(course: Course) -> None:
    found = course.also(WorkflowPaused(course.run, "ada", ""), after=HeadAdopted).broken()
    assert any(AstRequested.TYPE in each and "which is paused" in each for each in found)


def test_who_is_cancelled_asks_for_nothing_but_a_closing(course: Course) -> None:
    found = course.also(WorkflowCancelled(course.run, "ada", ""), after=HeadAdopted).broken()
    assert any(AstRequested.TYPE in each and "ended cancelled" in each for each in found)


def test_nothing_is_given_up_before_its_deadline(course: Course) -> None:
    given_up = StageGivenUp(course.run, Stage.AST, "", 1, ErrorClassification.TRANSIENT, "no answer")
    assert "at no deadline" in course.also(given_up, after=AstRequested).broken()[0]


def test_no_run_fails_before_its_time(course: Course) -> None:
    failed = WorkflowFailed(course.run, ErrorClassification.TRANSIENT, "the deadline has passed")
    assert "failed before its time" in course.also(failed, after=AstRequested).broken()[0]


def test_a_failure_that_nothing_made_is_seen_and_that_nothing_follows(course: Course) -> None:
    failed = AstCompleted(AnswerOutcome.FAILED, ErrorClassification.TRANSIENT, "it broke")
    made, following = course.instead(failed).broken()
    assert "nothing made it" in made
    assert "no AttemptScheduled follows" in following
