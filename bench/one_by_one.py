"""The orchestrator as a process that applies every event in a transaction of its own, the peer of one that batches.

    python -m bench.one_by_one

All else is as in `penstock run orchestrator`. Events of a stream stay in the order of their topic; those of others are
applied beside them, as many as the connections of its pool allow.
"""

from penstock_eventlog.lanes import by_key
from penstock_eventlog.shard_leases import ShardLeases
from penstock_eventlog.sinks import ProducerSink
from penstock_eventlog.timers import TimerScanner
from penstock_eventlog.work import InBatches, stalling
from penstock_eventlog.workbench import Workbench, standing_apart
from penstock_eventlog.worker import worker_loops
from penstock_orchestrator.bootstrap import SERVICE, keepers, relay
from penstock_orchestrator.fold import OrchestratorFold
from penstock_orchestrator.handler import CONSUMER, Orchestrator
from penstock_orchestrator.observing import Observer
from penstock_orchestrator.settings import OrchestratorSettings
from penstock_runtime.machine import Machine
from penstock_runtime.process import Context, Service
from penstock_runtime.service import run_service

BESIDE = 8


async def assemble(context: Context, bench: Workbench) -> Service:
    fold = OrchestratorFold(context.load(OrchestratorSettings).rules())
    tools, streams, producer = bench.tools, bench.store.streams, bench.log.producer()
    streams.subscribe(Observer(tools.metrics).hear)
    work = InBatches(
        Orchestrator(streams, fold, tools.metrics).apply,
        stall=stalling(streams, CONSUMER, fold),
        longest_unit=1,
        concurrency=BESIDE,
        lane_of=by_key,
    )
    machines: tuple[Machine, ...] = (
        *worker_loops(SERVICE, work, tools),
        TimerScanner(bench.store, fold, clock=tools.clock, metrics=tools.metrics, steps=tools.steps),
        relay(
            bench,
            ProducerSink(producer, bench.store.outbox),
            ShardLeases(bench.store.leases, bench.holder, context.clock),
        ),
        *keepers(context, bench, fold),
    )
    return Service(machines=machines, close=(producer.close,))


if __name__ == "__main__":
    run_service(SERVICE, standing_apart(assemble))
