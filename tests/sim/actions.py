"""What happens to an installation: a schedule drawn from a seed, and how each action is carried out."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random

from penstock_contracts.enums import Command, ControlAction, PullRequestKind, Stage
from penstock_contracts.envelope import Envelope
from penstock_contracts.event import Event
from penstock_contracts.facts import Fact, PrReceived, WorkflowControl
from penstock_contracts.ids import delivery_event_id, deterministic_id, subject_of
from penstock_eventlog import loop, relay, timers
from penstock_eventlog.errors import LogUnavailable
from penstock_eventlog.ports import NewRecord
from penstock_eventlog.records import outbox_row_of
from penstock_platforms.ports import PullRequestState
from penstock_runtime.steps import Crashed
from penstock_store import points
from penstock_store.errors import StoreUnavailable
from tests.sim.cast import Cast
from tests.sim.forge import AFTER_CALL, BEFORE_CALL
from tests.sim.gates import store_of
from tests.sim.process import Blow, Fate
from tests.sim.world import World

COMMENTER_POINTS = (
    "commenter.1.leased",
    "commenter.2.planned",
    "commenter.3.begun",
    "commenter.4.called",
    "commenter.5.settled",
    "commenter.6.answered",
    BEFORE_CALL,
    AFTER_CALL,
)
POINTS: Mapping[str, Sequence[str]] = {
    "ingest": points.RECEIVE_POINTS,
    "orchestrator": (*loop.POINTS, *relay.POINTS, *timers.POINTS, *points.APPLY_POINTS),
    "workers": loop.POINTS,
    "commenter": (*COMMENTER_POINTS, *COMMENTER_POINTS, *loop.POINTS),
}
KINDS = (PullRequestKind.REOPENED, PullRequestKind.CLOSED, PullRequestKind.MERGED, PullRequestKind.RETARGETED)
COMMANDS = (Command.REVIEW, Command.FULL_REVIEW, Command.PAUSE, Command.RESUME, Command.CANCEL, Command.HELP)
SPELLS = (0.2, 1.0, 4.0, 7.0, 12.0, 31.0, 65.0, 400.0)
LONG = (1_300.0, 3_700.0, 7_300.0, 90_000.0)


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
    Kind.FREEZE: 10,
    Kind.STORE_AWAY: 3,
    Kind.LOG_AWAY: 3,
}

WORDS: Mapping[Kind, Sequence[str]] = {Kind.HOOK: KINDS, Kind.COMMAND: COMMANDS, Kind.CONTROL: list(ControlAction)}
LENGTHS: Mapping[Kind, Sequence[float]] = {
    Kind.PASS: (*SPELLS, *SPELLS, *LONG),
    Kind.JUMP: (*SPELLS, *LONG),
    Kind.STORE_AWAY: SPELLS,
    Kind.LOG_AWAY: SPELLS,
}


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
    (kind,) = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))
    drawn = Action(kind, rng.randint(1, pulls), number=rng.randrange(1_000))
    if kind in WORDS:
        return replace(drawn, word=rng.choice(WORDS[kind]))
    if kind in LENGTHS:
        return replace(drawn, seconds=rng.choice(LENGTHS[kind]))
    if kind is Kind.WORK:
        return replace(drawn, number=rng.choice((1, 3, 10, 40)))
    return _blow(rng, drawn, processes) if kind in (Kind.CRASH, Kind.FREEZE) else drawn


def _blow(rng: Random, drawn: Action, processes: Sequence[str]) -> Action:
    name = rng.choice(processes)
    point = rng.choice(POINTS[name.partition(".")[0]]) if rng.random() < 0.8 else ""
    nth = rng.randint(1, 4) if point else rng.randint(1, 40)
    return replace(drawn, word=name, point=point, number=nth, seconds=rng.choice(SPELLS))


class Stagehand:
    """Carries actions out."""

    def __init__(self, world: World, cast: Cast) -> None:
        self._world, self._cast = world, cast
        self._said: list[Event[Fact]] = []
        self._late: list[Event[Fact]] = []
        self._numbers = 0
        self._do: dict[Kind, Callable[[Action], Awaitable[None]]] = {
            Kind.PUSH: self._push,
            Kind.HOOK: self._hook,
            Kind.AGAIN: self._again,
            Kind.COMMAND: self._command,
            Kind.CONTROL: self._control,
            Kind.DUPLICATE: self._duplicate,
            Kind.PASS: lambda action: world.pass_time(action.seconds),
            Kind.JUMP: lambda action: world.jump(action.seconds),
            Kind.WORK: lambda action: world.work(action.number),
            Kind.CRASH: self._crash,
            Kind.FREEZE: self._freeze,
            Kind.STORE_AWAY: self._store_away,
            Kind.LOG_AWAY: self._log_away,
        }

    async def do(self, action: Action) -> None:
        self._world.coverage.actions[action.kind] += 1
        await self._do[action.kind](action)

    async def redeliver(self) -> None:
        """What could not be received is sent again, as platforms and people do."""
        late, self._late = self._late, []
        for event in late:
            await self._receive(event)

    # --- from outside -------------------------------------------------------------------------------------------

    async def _push(self, action: Action) -> None:
        pull = self._world.pull(action.pull)
        kind = PullRequestKind.UPDATED if pull.heads else PullRequestKind.OPENED
        self._numbers += 1
        pull.heads.append(deterministic_id("head", str(action.pull), str(self._numbers)).replace("-", "") + "0" * 8)
        await self._tell(action.pull, kind)

    async def _hook(self, action: Action) -> None:
        pull, kind = self._world.pull(action.pull), PullRequestKind(action.word)
        if not pull.heads:
            return
        states = {
            PullRequestKind.CLOSED: PullRequestState.CLOSED,
            PullRequestKind.MERGED: PullRequestState.MERGED,
            PullRequestKind.REOPENED: PullRequestState.OPEN,
        }
        pull.state = states.get(kind, pull.state)
        await self._tell(action.pull, kind)

    async def _command(self, action: Action) -> None:
        if self._world.pull(action.pull).heads:
            await self._tell(action.pull, PullRequestKind.COMMAND, command=action.word)

    async def _tell(self, number: int, kind: PullRequestKind, command: str = "") -> None:
        world, pull = self._world, self._world.pull(number)
        self._numbers += 1
        delivery = f"d{self._numbers}"
        said = (pull.ref.platform, pull.ref.instance, pull.ref.repository_id, pull.ref.repository, number, delivery)
        comment = f"c{self._numbers}" if command else ""
        fact = PrReceived(
            kind,
            *said,
            hint_head=pull.head,
            sender="ada",
            sender_association="MEMBER",
            command=command,
            comment_id=comment,
        )
        event_id = delivery_event_id(pull.ref.instance, delivery)
        await self._receive(_event(event_id, fact, "penstock/ingest", world, number, correlation=delivery))

    async def _control(self, action: Action) -> None:
        world = self._world
        runs = sorted(
            (
                row
                for row in world.tables.jobs.values()
                if row.parent_id is None and row.stream == world.stream(action.pull)
            ),
            key=lambda row: (row.finished_at is not None, row.created_at, row.id),
        )
        if not runs:
            return
        self._numbers += 1
        run = runs[action.number % len(runs)].id
        stage = (Stage.AST, Stage.PR_REVIEW, Stage.FILES_REVIEW)[action.number % 3]
        part = "0" if stage is Stage.FILES_REVIEW else ""
        fact = WorkflowControl(ControlAction(action.word), run, "ada", stage=stage, part=part)
        event_id = deterministic_id("control", str(self._numbers))
        await self._receive(_event(event_id, fact, "penstock/console", world, action.pull, run=run))

    async def _again(self, action: Action) -> None:
        if self._said:
            await self._receive(self._said[action.number % len(self._said)])

    async def _receive(self, event: Event[Fact]) -> None:
        """Whoever gets no answer sends it again later."""
        world = self._world
        process = world.processes["ingest"]
        if process.dead:
            self._late.append(event)
            return
        store = store_of(process, world.tables, self._cast.codec)
        try:
            await store.receipts.receive(event.envelope.id, outbox_row_of(event, self._cast.codec))
        except (StoreUnavailable, Crashed):
            self._late.append(event)
        self._said.append(event)

    async def _duplicate(self, action: Action) -> None:
        """Some record that lies on the log lies there once more, as after a relay or a producer died."""
        world, rows = self._world, [row for row in self._world.tables.outbox.values()]
        if not rows:
            return
        row = rows[action.number % len(rows)]
        if row.id in world.tables.unsent:
            return
        try:
            world.log.append([NewRecord(row.topic, row.key, row.headers, row.value, row.stream, row.spread)])
        except LogUnavailable:
            return

    # --- blows --------------------------------------------------------------------------------------------------

    async def _crash(self, action: Action) -> None:
        self._strike(Blow.CRASH, action)

    async def _freeze(self, action: Action) -> None:
        if action.word != "ingest":
            self._strike(Blow.FREEZE, action)

    def _strike(self, blow: Blow, action: Action) -> None:
        fate = Fate(blow, action.point, action.number, action.seconds)
        self._world.processes[action.word].fates.append(fate)

    async def _store_away(self, action: Action) -> None:
        world = self._world
        world.tables.available = False
        world.outages += 1
        world.alarms.later(action.seconds, lambda: _set_available(world))

    async def _log_away(self, action: Action) -> None:
        self._world.log.go_away()
        self._world.alarms.later(action.seconds, self._world.log.come_back)


def _set_available(world: World) -> None:
    world.tables.available = True


def _event(
    event_id: str, fact: Fact, source: str, world: World, number: int, *, run: str = "", correlation: str = ""
) -> Event[Fact]:
    ref = world.pull(number).ref
    envelope = Envelope(
        id=event_id,
        type=fact.TYPE,
        source=source,
        time=world.clock.now(),
        stream=world.stream(number),
        subject=subject_of(ref),
        workflow_id=run,
        correlation_id=correlation or event_id,
    )
    return Event(envelope, fact)
