"""Faults planted on purpose, each in one method of the product, and whether simulated runs find them."""

from collections.abc import Iterable, Sequence

from penstock_commenter.carrier import Carrier
from penstock_commenter.finder import Landed
from penstock_commenter.tenure import Tenure
from penstock_contracts.enums import CommentsKind, Stage
from penstock_contracts.event import Event
from penstock_contracts.facts import Fact
from penstock_eventlog.counting import DEATHS_ALONE, DeliveryCounts
from penstock_eventlog.lanes import Held
from penstock_eventlog.ports import Published
from penstock_eventlog.prefix import FinishedPrefix
from penstock_eventlog.sinks import ProducerSink
from penstock_eventlog.wanted import Wanted
from penstock_orchestrator import advance, answering, withdrawing
from penstock_orchestrator.decision import Decision
from penstock_orchestrator.state import Run
from penstock_store.errors import EffectUnknown
from penstock_store.memory import streams
from penstock_store.memory.effects import MemoryEffects
from penstock_store.memory.leases import MemoryLeases
from penstock_store.memory.outbox import MemoryOutbox
from penstock_store.memory.tables import Tables, Transaction
from penstock_store.rows import Delivered, EffectRow, EffectState, Lease, OutboxRow, RawRecord, Verdict
from tests.sim.actions import BEGUN, Action, Kind
from tests.sim.coverage import Coverage
from tests.sim.fault import Fault
from tests.sim.losses import LOSSES
from tests.sim.simulation import WHOLE, Schedule, Simulator
from tests.sim.terms import Terms

ASLEEP_IN_ITS_WRITE = (
    Action(Kind.FREEZE, word="commenter.a", point=BEGUN, number=1, seconds=65.0),
    Action(Kind.FREEZE, word="commenter.b", point=BEGUN, number=1, seconds=65.0),
    Action(Kind.PUSH),
)
ASLEEP_BEFORE_SETTLING = (
    Action(Kind.FREEZE, word="commenter.a", point="effects.settle", number=1, seconds=65.0),
    Action(Kind.FREEZE, word="commenter.b", point="effects.settle", number=1, seconds=65.0),
    Action(Kind.PUSH),
)
ASLEEP_BEFORE_MARKING = (
    Action(Kind.FREEZE, word="orchestrator.a", point="outbox.mark_sent", number=1, seconds=31.0),
    Action(Kind.FREEZE, word="orchestrator.b", point="outbox.mark_sent", number=2, seconds=31.0),
    Action(Kind.PUSH),
)
DEADLY = (
    *(
        Action(Kind.CRASH, word=f"workers.{one}", point="executions.still_wanted", number=number, seconds=1.0)
        for one in "ab"
        for number in range(1, 5)
    ),
    Action(Kind.PUSH),
)
_publish = ProducerSink.publish
_polled = FinishedPrefix.polled


def forgetful(
    self: streams._Transactions, transaction: Transaction, consumer: str, one: Delivered, outcome: Verdict
) -> Verdict:
    transaction.put(self._tables.inbox, (consumer, one.event.envelope.id), outcome)
    return outcome


async def hasty(self: Carrier, effects: Iterable[EffectRow]) -> None:
    for effect in effects:
        if effect.state is EffectState.SENDING:
            await self._settle(effect, EffectState.PLANNED, Landed(effect.external_id, effect.url), effect.note)


async def marking_first(self: ProducerSink, rows: Sequence[OutboxRow], *leases: Lease) -> Published:
    await self.mark([row.id for row in rows], *leases)
    return await _publish(self, rows, *leases)


def unfenced(self: Tables, lease: Lease) -> None:
    """No fence anywhere."""


async def marking_unfenced(self: MemoryOutbox, ids: Sequence[int], *leases: Lease) -> None:
    with self._tables.transaction() as transaction:
        for row_id in ids:
            transaction.drop(self._tables.unsent, row_id)


def known_effect(self: MemoryEffects, effect_id: str, lease: Lease) -> EffectRow:
    known = self._tables.effects.get(effect_id)
    if known is None:
        raise EffectUnknown(effect_id)
    return known


def trusting(self: Tenure) -> None:
    """A commenter that was frozen after it began calls all the same."""


async def eager(self: Wanted, event: Event[Fact]) -> None:
    """Everything is wanted for ever."""


async def anybodys(self: MemoryLeases, key: str, holder: str, ttl: object) -> Lease | None:
    """Whoever asks gets the lease, held or not."""
    tables = self._tables
    with tables.transaction() as transaction:
        known = tables.leases.get(key)
        lease = Lease(key, holder, (known.fence if known else 0) + 1, tables.now() + ttl)  # type: ignore[operator]
        transaction.put(tables.leases, key, lease)
        return lease


def careless(self: FinishedPrefix, records: Iterable[RawRecord]) -> None:
    """What was polled is committed."""
    known = list(records)
    _polled(self, known)
    for record in known:
        self.finished((record.topic, record.partition), record.position)


async def suspicious(self: DeliveryCounts, held: Held) -> bool:
    """A record is given up after two deaths alone, not after three."""
    counts = await self._deliveries.count(self._alone, [held.place])
    return counts[held.place] <= DEATHS_ALONE - 1


def credulous(run: object, part: object, attempt: int, fact: object) -> str:
    """Every answer counts, however late and how often it comes."""
    return "" if run is not None and part is not None else "unknown"


def lenient(decision: object, run: object, reason: str) -> None:
    """What a newer head has replaced goes on."""


def impatient(decision: Decision, run: Run) -> None:
    """The join fires with the first answer of a batch, or where there is none."""
    batches = run.of_stage(Stage.FILES_REVIEW)
    if not run.manifest or any(part.resolved for part in batches):
        decision.ask(run, Stage.COMMENTS, CommentsKind.REVIEW)


FAULTS = (
    Fault("an inbox in which nothing is found again", streams._Transactions, "_receive", forgetful),
    Fault("what a killed commenter left is sent again unseen", Carrier, "settle_leftovers", hasty),
    Fault("rows are marked before they are published", ProducerSink, "publish", marking_first),
    Fault("no fence is checked", Tables, "check_fence", unfenced, ASLEEP_BEFORE_SETTLING),
    Fault("mark_sent takes a lost lease", MemoryOutbox, "mark_sent", marking_unfenced, ASLEEP_BEFORE_MARKING),
    Fault("begin and settle take a lost lease", MemoryEffects, "_known", known_effect, ASLEEP_BEFORE_SETTLING),
    Fault("a commenter does not look at its tenure", Tenure, "check", trusting, ASLEEP_IN_ITS_WRITE),
    Fault("everything is still wanted", Wanted, "skip", eager),
    Fault("two may hold a lease", MemoryLeases, "acquire", anybodys),
    Fault("what was polled is committed", FinishedPrefix, "polled", careless),
    Fault("a record is called poison too soon", DeliveryCounts, "begin_alone", suspicious, DEADLY),
    Fault("every answer counts", answering, "_why_ignored", credulous),
    Fault("the join waits for one batch only", advance, "_join", impatient),
    Fault("a superseded run goes on", withdrawing, "supersede", lenient),
    *LOSSES,
)


def shows(simulator: Simulator, fault: Fault, schedule: Schedule) -> list[str]:
    """What breaks with it."""
    with fault.planted():
        return simulator.broken(schedule, Coverage())


def first_shown(simulator: Simulator, fault: Fault, seeds: range) -> Schedule | None:
    """The first run of these seeds, or the one that is written down with the fault, that finds it."""
    if fault.brought_out:
        schedules: Iterable[Schedule] = [Schedule(0, WHOLE, Terms(), 1, 0.0, fault.brought_out)]
    else:
        schedules = (Schedule.drawn(seed) for seed in seeds)
    return next((schedule for schedule in schedules if shows(simulator, fault, schedule)), None)


def measured(runs: int, first: int) -> bool:
    """Plants each fault in so many runs that are drawn, and says how many of them found it, and whether the schedule
    that is written down with it does; whether each was found at all."""
    simulator = Simulator(Coverage())
    missed = 0
    try:
        for fault in FAULTS:
            found = [seed for seed in range(first, first + runs) if shows(simulator, fault, Schedule.drawn(seed))]
            written = bool(fault.brought_out and first_shown(simulator, fault, range(0)))
            missed += not (found or written)
            by = f", first by seed {found[0]}" if found else ""
            by += ", by the schedule written down with it" if written else ""
            print(f"{len(found):>6} of {runs}  {fault.name}{by}", flush=True)
    finally:
        simulator.close()
    return not missed
