"""The store below a simulated installation: what each process asks through a gate, and what the world itself sees."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from inspect import iscoroutinefunction
from typing import Any, Protocol, cast

from penstock_contracts.codec import Codec
from penstock_contracts.enums import ExecutionState, Stage
from penstock_runtime.clock import ManualClock
from penstock_store.errors import StoreUnavailable
from penstock_store.memory.store import MemoryStore
from penstock_store.memory.tables import Tables
from penstock_store.ports import Store
from penstock_store.rows import Lease, TimerRow
from tests.sim.process import Process

ROOMS = (
    "streams",
    "receipts",
    "outbox",
    "log",
    "timers",
    "leases",
    "executions",
    "jobs",
    "deliveries",
    "dead_letters",
    "blobs",
    "effects",
    "schemas",
    "cache",
    "retention",
)


@dataclass(slots=True)
class StoreClock:
    """The store's own clock, which may be set forward and back."""

    world: ManualClock
    skew: float = 0.0
    jumps: int = 0

    def set(self, seconds: float) -> None:
        self.skew += seconds
        self.jumps += 1

    def now(self) -> datetime:
        return self.world.start + timedelta(seconds=self.world.elapsed + self.skew)

    def monotonic(self) -> float:
        return self.world.monotonic()


class Ground(Protocol):
    """Nothing of this passes a gate, but for `opened`."""

    clock: StoreClock
    codec: Codec
    available: bool
    in_flight: int
    """How many calls of processes are under way in the real world."""
    by_hand: bool
    """Whether whatever is asked is answered at once, so that steps need no task."""
    broken: list[str]
    """Promises that a call of a process has broken."""
    given_back: set[tuple[str, int]]
    """Leases that their holder gave back, or was about to."""

    async def open(self) -> None:
        """Empty."""
        ...

    async def close(self) -> None: ...

    async def opened(self, process: Process) -> Store:
        """The way in of one life of a process."""
        ...

    async def left(self, process: Process) -> None:
        """That life is over."""
        ...

    async def store(self) -> Store:
        """For the judge."""
        ...

    async def seen(self) -> Tables:
        """All there is."""
        ...

    async def waiting(self) -> tuple[list[TimerRow], int]:
        """The timers, and how many rows of the outbox are unsent."""
        ...

    async def lease(self, key: str) -> Lease | None:
        """As it was granted last, expired or not."""
        ...

    async def asked(self, run_id: str, stage: Stage, part: str, attempt: int) -> bool:
        """Whether an answer of this attempt is waited for."""
        ...

    async def moved(self) -> None:
        """The clock has moved."""
        ...


@dataclass(slots=True)
class MemoryGround:
    """Implements Ground."""

    clock: StoreClock
    codec: Codec
    tables: Tables = field(init=False)
    available: bool = True
    in_flight: int = 0
    by_hand: bool = True
    broken: list[str] = field(default_factory=list)
    given_back: set[tuple[str, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.tables = Tables(self.clock)

    async def open(self) -> None:
        """It is made anew for each run."""

    async def close(self) -> None:
        """Nothing is held outside of memory."""

    async def opened(self, process: Process) -> Store:
        return gated(MemoryStore(self.clock, codec=self.codec, steps=process, tables=self.tables), process, self)

    async def left(self, process: Process) -> None:
        """Nothing is held outside of memory."""

    async def store(self) -> Store:
        return MemoryStore(self.clock, codec=self.codec, tables=self.tables)

    async def seen(self) -> Tables:
        return self.tables

    async def waiting(self) -> tuple[list[TimerRow], int]:
        return list(self.tables.timers.values()), len(self.tables.unsent)

    async def lease(self, key: str) -> Lease | None:
        return self.tables.leases.get(key)

    async def asked(self, run_id: str, stage: Stage, part: str, attempt: int) -> bool:
        row = self.tables.executions.get((run_id, stage, part, attempt))
        return row is not None and row.state is ExecutionState.ASKED

    async def moved(self) -> None:
        """Everybody reads the same clock."""


def gated(store: Any, process: Process, ground: Ground) -> Store:
    """Every call of this store passes the gate of the process."""
    for room in (room for room in ROOMS if getattr(store, room) is not None):
        setattr(store, room, _Gate(room, getattr(store, room), process, ground))
    store.now = _through("now", store.now, process, ground)
    return cast(Store, store)


class _Gate:
    def __init__(self, name: str, room: object, process: Process, ground: Ground) -> None:
        self._name, self._room, self._process, self._ground = name, room, process, ground

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._room, name)
        if not iscoroutinefunction(method):
            return method
        call = _GUARDS[name](method, self._ground) if name in _GUARDS else method
        if self._name == "deliveries":
            in_hand = self._process.in_hand
            call = in_hand.beginning(method) if name == "count" else in_hand.ending(method)
        through = self.__dict__[name] = _through(f"{self._name}.{name}", call, self._process, self._ground)
        return through


Method = Callable[..., Any]


def _through(name: str, method: Method, process: Process, ground: Ground) -> Method:
    async def call(*given: Any, **named: Any) -> Any:
        if process.fates:
            process.tempt(name)
        await process.passage()
        if not ground.available:
            raise StoreUnavailable("the store is away")
        ground.in_flight += 1
        try:
            result = await method(*given, **named)
        finally:
            ground.in_flight -= 1
        if process.losses and process.answer_lost():
            raise StoreUnavailable("it was done, and the answer was lost")
        return result

    return call


def _refusing(method: Method, ground: Ground) -> Method:
    """Looks whether a lease that was lost is refused."""

    async def call(*given: Any, **named: Any) -> Any:
        lease = next(each for each in given if isinstance(each, Lease))
        known = await ground.lease(lease.key)
        same = known is not None and (known.holder, known.fence) == (lease.holder, lease.fence)
        held = same and known is not None and known.expires_at > ground.clock.now()
        result = await method(*given, **named)
        if not held and (method.__name__ != "renew" or result is not None):
            ground.broken.append(f"N2 {method.__name__} took a lease on {lease.key} that {lease.holder} had lost")
        return result

    return call


def _granting(method: Method, ground: Ground) -> Method:
    """Looks whether a lease that somebody holds is not granted to others."""

    async def call(key: str, holder: str, ttl: timedelta) -> Lease | None:
        known = await ground.lease(key)
        result: Lease | None = await method(key, holder, ttl)
        taken = known is not None and known.holder != holder and known.expires_at > ground.clock.now()
        # On a server it may be given back between the look and the grant.
        if result is not None and known is not None and taken and (key, known.fence) not in ground.given_back:
            ground.broken.append(f"N2 {holder} was granted {key}, which somebody holds")
        return result

    return call


def _giving_back(method: Method, ground: Ground) -> Method:
    async def call(lease: Lease) -> None:
        ground.given_back.add((lease.key, lease.fence))
        await method(lease)

    return call


_GUARDS = dict.fromkeys(("mark_sent", "publish", "block", "move", "begin", "settle", "renew"), _refusing) | {
    "acquire": _granting,
    "release": _giving_back,
}
