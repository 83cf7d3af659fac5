"""What happens to an installation: actions, and how they are drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random

from penstock_contracts.enums import Command, ControlAction, PullRequestKind
from penstock_eventlog import housekeeping, loop, relay, timers
from penstock_store import points
from tests.sim.forge import AFTER_CALL, BEFORE_CALL

BEGUN = "commenter.3.begun"
COMMENTER_POINTS = (
    "commenter.1.leased",
    "commenter.2.planned",
    BEGUN,
    "commenter.4.called",
    "commenter.5.settled",
    "commenter.6.answered",
    BEFORE_CALL,
    AFTER_CALL,
)
POINTS: Mapping[str, Sequence[str]] = {
    "ingest": points.RECEIVE_POINTS,
    "orchestrator": (*loop.POINTS, *relay.POINTS, *timers.POINTS, *points.APPLY_POINTS, *housekeeping.POINTS),
    "workers": loop.POINTS,
    "commenter": (*COMMENTER_POINTS, *COMMENTER_POINTS, *4 * (BEGUN,), *loop.POINTS),
}
_OF_A_LOOP = ("deliveries.count", "deliveries.forget", "log.commit")
CALLS: Mapping[str, Sequence[str]] = {
    "ingest": ("receipts.receive",),
    "orchestrator": (
        *("outbox.unsent", "outbox.mark_sent", "leases.acquire", "leases.renew", "log.send"),
        *("streams.apply", "streams.apply", "timers.due", *_OF_A_LOOP),
    ),
    "workers": ("executions.still_wanted", "blobs.put", "log.send", *_OF_A_LOOP),
    "commenter": (
        *("leases.acquire", "leases.renew", "effects.of_stream", "executions.still_wanted", "effects.plan"),
        *("effects.begin", "effects.begin", "effects.settle", "effects.settle", "leases.release", "log.send"),
        *_OF_A_LOOP,
    ),
}
"""Before which calls of theirs processes are struck, besides at their numbered steps."""
KINDS = (PullRequestKind.REOPENED, PullRequestKind.CLOSED, PullRequestKind.MERGED, PullRequestKind.RETARGETED)
COMMANDS = (Command.REVIEW, Command.FULL_REVIEW, Command.PAUSE, Command.RESUME, Command.CANCEL, Command.HELP)
SPELLS = (0.2, 1.0, 4.0, 7.0, 12.0, 31.0, 65.0, 400.0)
LONG = (1_300.0, 3_700.0, 7_300.0, 90_000.0)
ASLEEP = (0.2, 7.0, 12.0, 31.0, 65.0, 130.0, 400.0)
WRONG = (-7_200.0, -65.0, -4.0, 0.0, 4.0, 65.0, 7_200.0)


class Kind(StrEnum):
    PUSH = "push"
    HOOK = "webhook"
    AGAIN = "webhook again"
    COMMAND = "command"
    CONTROL = "control"
    DUPLICATE = "duplicate record"
    PASS = "time passes"
    JUMP = "clock jumps"
    WORK = "some turns"
    CRASH = "crash"
    FREEZE = "freeze"
    REPLACE = "freeze and replace"
    PUT_OUT = "put out of groups"
    ANSWER_LOST = "answer lost"
    CONFIGURE = "configuration"
    SKEW = "clock of a host"
    STORE_CLOCK = "clock of the store"
    STORE_AWAY = "store away"
    LOG_AWAY = "log away"


WEIGHTS = {
    Kind.PUSH: 14,
    Kind.HOOK: 6,
    Kind.AGAIN: 5,
    Kind.COMMAND: 7,
    Kind.CONTROL: 10,
    Kind.DUPLICATE: 10,
    Kind.PASS: 20,
    Kind.JUMP: 6,
    Kind.WORK: 20,
    Kind.CRASH: 22,
    Kind.FREEZE: 14,
    Kind.REPLACE: 4,
    Kind.PUT_OUT: 6,
    Kind.ANSWER_LOST: 6,
    Kind.CONFIGURE: 3,
    Kind.SKEW: 3,
    Kind.STORE_CLOCK: 2,
    Kind.STORE_AWAY: 3,
    Kind.LOG_AWAY: 3,
}

WORDS: Mapping[Kind, Sequence[str]] = {Kind.HOOK: KINDS, Kind.COMMAND: COMMANDS, Kind.CONTROL: list(ControlAction)}
LENGTHS: Mapping[Kind, Sequence[float]] = {
    Kind.PASS: (*SPELLS, *SPELLS, *LONG),
    Kind.JUMP: (*SPELLS, *LONG),
    Kind.STORE_AWAY: SPELLS,
    Kind.LOG_AWAY: SPELLS,
    Kind.SKEW: WRONG,
    Kind.STORE_CLOCK: (-65.0, -4.0, 4.0, 65.0),
}
BLOWS = (Kind.CRASH, Kind.FREEZE, Kind.REPLACE)
AT_A_PROCESS = (Kind.PUT_OUT, Kind.ANSWER_LOST, Kind.SKEW)
_KINDS, _WEIGHTS = tuple(WEIGHTS), tuple(WEIGHTS.values())


@dataclass(frozen=True, slots=True)
class Action:
    """Self-contained, so that a schedule stays one when any of it is left out."""

    kind: Kind
    pull: int = 1
    word: str = ""
    point: str = ""
    number: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        shown = (f"#{self.pull}", self.word, self.point, f"n={self.number}", f"{self.seconds:g}s")
        return f"{self.kind.value:<17}{' '.join(each for each in shown if each)}"


def draw(rng: Random, pulls: int, processes: Sequence[str]) -> Action:
    (kind,) = rng.choices(_KINDS, _WEIGHTS)
    drawn = Action(kind, rng.randint(1, pulls), number=rng.randrange(1_000))
    if kind in BLOWS:
        return _blow(rng, drawn, processes)
    if kind in WORDS:
        drawn = replace(drawn, word=rng.choice(WORDS[kind]))
    if kind in AT_A_PROCESS:
        drawn = replace(drawn, word=rng.choice(processes), number=rng.randint(1, 25))
    if kind in LENGTHS:
        drawn = replace(drawn, seconds=rng.choice(LENGTHS[kind]))
    if kind is Kind.WORK:
        drawn = replace(drawn, number=rng.choice((1, 3, 10, 40)))
    return drawn


def _blow(rng: Random, drawn: Action, processes: Sequence[str]) -> Action:
    name = rng.choice([each for each in processes if drawn.kind is Kind.CRASH or each != "ingest"])
    kind, chance = name.partition(".")[0], rng.random()
    point = rng.choice(POINTS[kind]) if chance < 0.5 else rng.choice(CALLS[kind]) if chance < 0.85 else ""
    nth = rng.randint(1, 4) if point else rng.randint(1, 40)
    return replace(
        drawn, word=name, point=point, number=nth, seconds=rng.choice(SPELLS if drawn.kind is Kind.CRASH else ASLEEP)
    )
