"""Who is in a simulated installation, each built by its own bootstrap where it has one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from penstock_commenter.bootstrap import commenter_of, loops
from penstock_commenter.identity import Markers
from penstock_commenter.occasion import Voice
from penstock_commenter.settings import CommenterSettings
from penstock_commenter.sweeper import Sweeper
from penstock_contracts.routing import shard_of
from penstock_eventlog import relay as relaying
from penstock_eventlog import timers
from penstock_eventlog.loop import Limits, Tools
from penstock_eventlog.shard_leases import ShardLeases
from penstock_eventlog.sinks import ProducerSink
from penstock_eventlog.solitude import Solitude
from penstock_eventlog.work import OneByOne
from penstock_eventlog.workbench import Workbench
from penstock_eventlog.worker import worker_loops
from penstock_orchestrator.bootstrap import deciding, relay
from penstock_runtime.machine import Machine
from penstock_runtime.metrics import Metrics
from penstock_runtime.settings import load
from tests.sim.forge import ForgeClient
from tests.sim.gates import ProcessLog
from tests.sim.haste import RememberingCodec, UnheardMetrics
from tests.sim.keepers import keepers
from tests.sim.process import Look, Need, Process, Seat
from tests.sim.stages import Stages
from tests.sim.world import SPELL, WORKERS, Start, World

MARKERS = Markers(b"a secret of this installation")
LIMITS = Limits(capacity=20, poll=8, idle=60.0)
"""Small, so that they are met; and no wait for what is away is as long as an idle one."""
ON_BELLS = Look((LIMITS.idle,))
PUBLISHING = Look((relaying.IDLE,), Need.UNSENT)
AS_IT_SAYS = Look()
SCANNING = Look((timers.POLL,), Need.DUE)


@dataclass(frozen=True, slots=True)
class Cast:
    """What all lives share, because it is costly to make and has no state that matters."""

    codec: RememberingCodec
    metrics: Metrics
    voice: Voice
    commenter: CommenterSettings

    @classmethod
    def assembled(cls) -> "Cast":
        return cls(
            RememberingCodec(),
            UnheardMetrics(),
            Voice("penstock", MARKERS, lambda text: text),
            load(CommenterSettings, {}),
        )

    def starts(self, crew: Iterable[str], faults: float) -> Mapping[str, Start]:
        """How each of these processes begins a life."""

        async def working(world: World, process: Process) -> None:
            await self._working(world, process, faults)

        kinds: dict[str, Start] = {
            "ingest": self._listening,
            "orchestrator": self._orchestrating,
            "workers": working,
            "commenter": self._commenting,
        }
        return {name: kinds[name.partition(".")[0]] for name in crew}

    async def bench(self, world: World, process: Process) -> Workbench:
        store = await world.ground.opened(process)
        log = ProcessLog(world.log, process)
        tools = Tools(log, store, self.codec, self.metrics, Solitude(), process.clock, process)
        return Workbench(store, log, tools, process.name)

    async def _listening(self, world: World, process: Process) -> None:
        """It owns no machine: platforms and people call it."""

    async def _orchestrating(self, world: World, process: Process) -> None:
        bench = await self.bench(world, process)
        shards = sorted({shard_of(world.stream(number)) for number in world.forge.pulls})
        leases = ShardLeases(bench.store.leases, bench.holder, process.clock, shards=shards)
        sink = ProducerSink(bench.log.producer(), bench.store.outbox)
        *loops_of, scanner = deciding(bench, world.terms.fold(), LIMITS)
        _seat(process, ON_BELLS, *loops_of)
        _seat(process, SCANNING, scanner)
        _seat(process, PUBLISHING, relay(bench, sink, leases))
        for look, keeper in keepers(world, process, bench):
            _seat(process, look, keeper)

    async def _working(self, world: World, process: Process, faults: float) -> None:
        bench = await self.bench(world, process)
        around = (process, bench.store, world.forge, world.alarms, world.ground, world.witness)
        stages = Stages(*around, world.seed, faults)
        for service in WORKERS:
            handling = OneByOne(stages.handles())
            _seat(process, ON_BELLS, *worker_loops(service, handling, bench.tools, limits=LIMITS))

    async def _commenting(self, world: World, process: Process) -> None:
        bench = await self.bench(world, process)
        client = ForgeClient(world.forge, process)
        commenter = commenter_of(bench, client, self.voice, self.commenter, process.holder)
        sweeper = Sweeper(
            store=bench.store,
            platforms=client,
            doubts=commenter.doubts,
            clock=process.clock,
            voice=self.voice,
            timing=self.commenter.timing,
            metrics=self.metrics,
            holder=f"{process.holder}/sweeper",
            rest=lambda seconds: world.alarms.sleep(seconds + SPELL),
        )
        process.on_end.append(sweeper.stop)
        _seat(process, ON_BELLS, *loops(bench, commenter, LIMITS))
        _seat(process, AS_IT_SAYS, sweeper)
        process.expected = commenter.doubts.next_in


def _seat(process: Process, look: Look, *machines: Machine) -> None:
    process.seats += [Seat(machine, look) for machine in machines]
