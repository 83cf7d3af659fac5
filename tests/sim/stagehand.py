"""How each action is carried out."""

from collections.abc import Awaitable, Callable

from penstock_contracts.enums import ControlAction, PullRequestKind, Stage
from penstock_contracts.envelope import Envelope
from penstock_contracts.event import Event
from penstock_contracts.facts import Fact, PrReceived, WorkflowControl
from penstock_contracts.ids import delivery_event_id, deterministic_id, subject_of
from penstock_eventlog.errors import LogUnavailable
from penstock_eventlog.ports import NewRecord
from penstock_eventlog.records import outbox_row_of
from penstock_platforms.ports import PullRequestState
from penstock_runtime.steps import Crashed
from penstock_store.errors import StoreUnavailable
from tests.sim.actions import Action, Kind
from tests.sim.process import Blow, Fate
from tests.sim.world import World


class Stagehand:
    """Carries actions out."""

    def __init__(self, world: World) -> None:
        self._world = world
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
            Kind.REPLACE: self._replace,
            Kind.PUT_OUT: self._put_out,
            Kind.ANSWER_LOST: self._answer_lost,
            Kind.CONFIGURE: self._configure,
            Kind.SKEW: self._skew,
            Kind.STORE_CLOCK: self._store_clock,
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

    async def _configure(self, action: Action) -> None:
        """The base branch gets another configuration; whoever pushes next meets it."""
        self._world.pull(action.pull).config += 1

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
        seen = await world.ground.seen()
        runs = sorted(
            (row for row in seen.jobs.values() if row.parent_id is None and row.stream == world.stream(action.pull)),
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
        store = await world.ground.opened(process)
        try:
            await store.receipts.receive(event.envelope.id, outbox_row_of(event, world.ground.codec))
        except (StoreUnavailable, Crashed):
            self._late.append(event)
        else:
            world.witness.accepted[event.envelope.id] = event
        self._said.append(event)

    async def _duplicate(self, action: Action) -> None:
        """Some record that lies on the log lies there once more, as after a relay or a producer died."""
        world, seen = self._world, await self._world.ground.seen()
        rows = [row for row in seen.outbox.values() if row.id not in seen.unsent]
        if not rows:
            return
        row = rows[action.number % len(rows)]
        try:
            world.log.append([NewRecord(row.topic, row.key, row.headers, row.value, row.stream, row.spread)])
        except LogUnavailable:
            return

    # --- blows --------------------------------------------------------------------------------------------------

    async def _crash(self, action: Action) -> None:
        self._strike(Blow.CRASH, action)

    async def _freeze(self, action: Action) -> None:
        self._strike(Blow.FREEZE, action)

    async def _replace(self, action: Action) -> None:
        """It is frozen, and before it wakes there is another one under the name that lasts."""
        fate = Fate(Blow.FREEZE, action.point, action.number, action.seconds, replaced=True)
        self._world.processes[action.word].fates.append(fate)

    async def _put_out(self, action: Action) -> None:
        """Its groups have not heard of it for too long, though it lives: what it holds is given to others."""
        self._world.lost += 1
        await self._world.processes[action.word].leave()

    async def _answer_lost(self, action: Action) -> None:
        """Something it asks for is done, and it does not learn of it."""
        self._world.lost += 1
        self._world.processes[action.word].losses = action.number

    async def _skew(self, action: Action) -> None:
        """The time of day of a host is set."""
        world = self._world
        world.skews[action.word] = world.processes[action.word].clock.skew = action.seconds

    async def _store_clock(self, action: Action) -> None:
        self._world.ground.clock.set(action.seconds)
        await self._world.jump(0.0)

    def _strike(self, blow: Blow, action: Action) -> None:
        fate = Fate(blow, action.point, action.number, action.seconds)
        self._world.processes[action.word].fates.append(fate)

    async def _store_away(self, action: Action) -> None:
        world = self._world
        world.ground.available = False
        world.outages += 1
        world.alarms.later(action.seconds, lambda: _set_available(world))

    async def _log_away(self, action: Action) -> None:
        self._world.log.go_away()
        self._world.alarms.later(action.seconds, self._world.log.come_back)


def _set_available(world: World) -> None:
    world.ground.available = True


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
