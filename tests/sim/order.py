"""N8: the same that people do, delivered in another order, some of it twice, ends in the same."""

from collections import Counter
from dataclasses import dataclass, replace
from random import Random

from penstock_contracts.enums import Command, ControlAction
from penstock_contracts.inner import StageGivenUp, StageReleased
from tests.sim.actions import POINTS, Action, Kind, draw
from tests.sim.coverage import Coverage
from tests.sim.simulation import WHOLE, Schedule, Simulator
from tests.sim.terms import Terms
from tests.sim.world import World

PEOPLE = frozenset({Kind.PUSH, Kind.HOOK, Kind.COMMAND, Kind.CONTROL, Kind.CONFIGURE})
DISTURBANCES = (Kind.DUPLICATE, Kind.DUPLICATE, Kind.AGAIN, Kind.WORK, Kind.CRASH, Kind.PUT_OUT, Kind.ANSWER_LOST)
BRIEF = 0.2
"""Seconds that a process is gone; for longer, and a deadline fires."""
_UNEQUAL = (Command.PAUSE, ControlAction.PAUSE, ControlAction.RESUME, Command.RESUME)
"""A pause ends by a deadline."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What people see when everything is quiet, whatever it was called on its way."""

    runs: frozenset[tuple[str, ...]]
    said: frozenset[tuple[object, ...]]
    deadlines: bool
    """Whether any has fired."""


def drawn(seed: int) -> tuple[Schedule, Schedule]:
    """What people do, undisturbed; and disturbed, by other processes in another order."""
    rng = Random(seed)
    pulls = rng.choice((1, 2))
    actions = [Action(Kind.PUSH, number) for number in range(1, pulls + 1)]
    while len(actions) < 8:
        action = draw(rng, pulls, WHOLE)
        if action.kind in PEOPLE and action.word not in _UNEQUAL:
            actions.append(action)
    alone = ("ingest", "orchestrator.a", "workers.a", "commenter.a")
    quiet = Schedule(seed, alone, Terms(window=rng.choice((1, 16))), pulls, 0.0, tuple(actions), between=PEOPLE)
    disturbed = [one for action in actions for one in (action, *_disturbances(rng))]
    return quiet, replace(quiet, crew=WHOLE, actions=tuple(disturbed), order=1 + rng.randrange(1_000))


def _disturbances(rng: Random) -> list[Action]:
    found: list[Action] = []
    for kind in rng.choices(DISTURBANCES, k=rng.randint(1, 4)):
        name = rng.choice(WHOLE)
        action = Action(kind, number=rng.randrange(1_000))
        if kind is Kind.WORK:
            action = replace(action, number=rng.choice((1, 5, 20, 60)))
        elif kind is Kind.CRASH:
            point = rng.choice(POINTS[name.partition(".")[0]])
            action = replace(action, word=name, point=point, number=1, seconds=BRIEF)
        elif kind in (Kind.PUT_OUT, Kind.ANSWER_LOST):
            action = replace(action, word=name, number=rng.randint(1, 25))
        found.append(action)
    return found


async def ending(world: World) -> Ending:
    seen, store = await world.ground.seen(), await world.ground.store()
    facts = [fact for name in await store.streams.names() for fact in await store.streams.facts(name)]
    runs = (
        (run.stream, run.id, run.status, run.outcome, run.reason, run.head)
        for run in seen.jobs.values()
        if run.parent_id is None
    )
    said: Counter[tuple[object, ...]] = Counter()
    for number, pull in world.forge.pulls.items():
        said.update((number, comment.body) for comment in pull.comments.values())
        said.update((number, review.body, review.commit, review.verdict) for review in pull.reviews)
        said.update((number, each.body, each.path, each.line) for each in pull.inline.values())
        for head, statuses in pull.statuses.items():
            said[number, head, statuses[-1].state, statuses[-1].description] += 1
    late = any(isinstance(fact.fact, StageGivenUp | StageReleased) for fact in facts)
    return Ending(frozenset(runs), frozenset((*what, count) for what, count in said.items()), late)


def unequal(simulator: Simulator, seed: int, coverage: Coverage) -> list[str]:
    """How the disturbed ending differs; nothing where it does not, or where a deadline has fired."""
    one, other = (simulator.ending(each, ending, coverage) for each in drawn(seed))
    late = one.deadlines or other.deadlines
    coverage.outcomes["(pairs in another order: a deadline fired)" if late else "(pairs in another order: equal)"] += 1
    if late:
        return []
    return [f"N8 {sorted(map(str, a ^ b))}" for a, b in ((one.runs, other.runs), (one.said, other.said)) if a != b]
