"""Builds the orchestrator: the loop that applies, the timer scanner, and a relay and a housekeeper for whoever holds
their leases."""

from collections.abc import Sequence
from datetime import timedelta

from penstock_eventlog.housekeeping import HOUSEKEEPING, Chore, Housekeeper
from penstock_eventlog.loop import Limits
from penstock_eventlog.ports import Sink
from penstock_eventlog.relay import Relay
from penstock_eventlog.shard_leases import ShardLeases, Shards
from penstock_eventlog.sinks import ProducerSink
from penstock_eventlog.timers import TimerScanner
from penstock_eventlog.work import InBatches, stalling
from penstock_eventlog.workbench import Workbench, standing_apart
from penstock_eventlog.worker import worker_loops
from penstock_orchestrator.admission import ADMISSION, EVERY, Admission
from penstock_orchestrator.fold import OrchestratorFold
from penstock_orchestrator.handler import CONSUMER, Orchestrator
from penstock_orchestrator.keeping import chores
from penstock_orchestrator.measuring import Measuring
from penstock_orchestrator.mending import EVERY as OFTEN
from penstock_orchestrator.mending import MENDING, Mending
from penstock_orchestrator.observing import Observer
from penstock_orchestrator.settings import KeepingSettings, OrchestratorSettings
from penstock_runtime.machine import Machine
from penstock_runtime.process import Context, Service

SERVICE = "orchestrator"


async def assemble(context: Context, bench: Workbench) -> Service:
    """With the relay that publishes through the log's own producer, as Kafka and the log in memory want it."""
    fold = OrchestratorFold(context.load(OrchestratorSettings).rules())
    producer = bench.log.producer()
    sink = ProducerSink(producer, bench.store.outbox)
    shards = ShardLeases(bench.store.leases, bench.holder, context.clock)
    machines = (*deciding(bench, fold), relay(bench, sink, shards), *keepers(context, bench, fold))
    return Service(machines=machines, close=(producer.close,))


def deciding(bench: Workbench, fold: OrchestratorFold, limits: Limits | None = None) -> Sequence[Machine]:
    """What folds and decides, wherever its facts are published."""
    tools, streams = bench.tools, bench.store.streams
    streams.subscribe(Observer(tools.metrics).hear)
    orchestrator = Orchestrator(streams, fold, tools.metrics)
    work = InBatches(orchestrator.apply, stall=stalling(streams, CONSUMER, fold))
    scanner = TimerScanner(bench.store, fold, clock=tools.clock, metrics=tools.metrics, steps=tools.steps)
    return (*worker_loops(SERVICE, work, tools, limits=limits), scanner)


def relay(bench: Workbench, sink: Sink, shards: Shards) -> Relay:
    tools = bench.tools
    return Relay(bench.store, sink, shards, clock=tools.clock, metrics=tools.metrics, steps=tools.steps)


def keepers(context: Context, bench: Workbench, fold: OrchestratorFold) -> Sequence[Machine]:
    """The housekeeping, whoever looks for runs that are stuck, whoever says whose turn it is, and what measures.

    Turns are given also where nothing is limited, now and then: runs may wait that were opened under a limit, here
    before it was lifted or by a process that still has it."""
    keeping, settings = context.load(KeepingSettings), context.load(OrchestratorSettings)
    metrics = bench.tools.metrics
    limits = settings.limits()
    turns = Admission(bench.store, fold, limits, timedelta(seconds=settings.debounce))
    return (
        _keeper(context, bench, HOUSEKEEPING, chores(bench.store, keeping), keeping.every),
        _keeper(context, bench, MENDING, [Mending(bench.store, fold, metrics)], OFTEN),
        _keeper(context, bench, ADMISSION, [turns], EVERY if limits.any else OFTEN),
        Measuring(bench.store, clock=bench.tools.clock, metrics=metrics),
    )


def _keeper(context: Context, bench: Workbench, name: str, work: Sequence[Chore], every: float) -> Housekeeper:
    tools = bench.tools
    return Housekeeper(
        work,
        bench.store.leases,
        holder=context.instance,
        clock=tools.clock,
        metrics=tools.metrics,
        every=every,
        name=name,
        steps=tools.steps,
    )


build = standing_apart(assemble)
