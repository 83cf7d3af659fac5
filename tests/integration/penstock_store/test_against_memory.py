"""The store in memory is the model of the one on PostgreSQL: asked the same, both answer the same."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from penstock_store.ports import Store
from penstock_store.rows import EffectKind, EffectRow, EffectState, Lease, NewOutboxRow, Place
from tests.integration.penstock_store.asking_both import AsksBoth, play
from tests.sim.fault import Fault
from tests.sim.planted import FAULTS

KEYS, HOLDERS, STREAMS = st.sampled_from("ab"), st.sampled_from("xyz"), st.sampled_from(("s1", "s2", "s3"))
NUMBERS = st.integers(0, 5)


class Both(AsksBoth):
    def __init__(self) -> None:
        super().__init__()
        self.leases: list[Lease] = []
        self.rows = 0

    @rule(seconds=st.sampled_from((0.5, 4.0, 11.0)))
    def time_passes(self, seconds: float) -> None:
        self.pass_time(seconds)

    @rule(key=KEYS, holder=HOLDERS)
    def acquire(self, key: str, holder: str) -> None:
        lease = self.both(lambda store: store.leases.acquire(key, holder, timedelta(seconds=10)))
        if isinstance(lease, Lease):
            self.leases.append(lease)

    @rule(number=NUMBERS)
    def renew(self, number: int) -> None:
        if self.leases:
            lease = self.leases[-1 - number % len(self.leases)]
            self.both(lambda store: store.leases.renew(lease, timedelta(seconds=10)))

    @rule(number=NUMBERS)
    def release(self, number: int) -> None:
        if self.leases:
            lease = self.leases[-1 - number % len(self.leases)]
            self.both(lambda store: store.leases.release(lease))

    @rule(stream=STREAMS, event=NUMBERS)
    def receive(self, stream: str, event: int) -> None:
        self.both(lambda store: store.receipts.receive(f"e{event}", _row(stream, event)))

    @rule(streams=st.lists(STREAMS, min_size=1, max_size=3))
    def put(self, streams: list[str]) -> None:
        self.both(lambda store: store.outbox.put([_row(stream, 9) for stream in streams]))

    @rule(number=NUMBERS, lease=NUMBERS)
    def mark(self, number: int, lease: int) -> None:
        if self.leases:
            held = self.leases[-1 - lease % len(self.leases)]
            self.both(lambda store: store.outbox.mark_sent(range(1, 2 + number), held))

    @rule(number=NUMBERS, lease=NUMBERS)
    def block(self, number: int, lease: int) -> None:
        if self.leases:
            held = self.leases[-1 - lease % len(self.leases)]
            self.both(lambda store: store.outbox.block(1 + number, "refused", held))

    @rule(stream=STREAMS)
    def unblock(self, stream: str) -> None:
        self.both(lambda store: store.outbox.unblock(stream))

    @rule(stream=STREAMS, kind=st.sampled_from([*EffectKind]), epoch=NUMBERS, rank=st.integers(0, 2))
    def plan(self, stream: str, kind: EffectKind, epoch: int, rank: int) -> None:
        effect = EffectRow(f"{stream} {kind}", stream, "run", kind, epoch, rank, EffectState.PLANNED, digest=str(epoch))
        self.both(lambda store: store.effects.plan([effect]))

    @rule(stream=STREAMS, kind=st.sampled_from([*EffectKind]), lease=NUMBERS)
    def begin(self, stream: str, kind: EffectKind, lease: int) -> None:
        if self.leases:
            held = self.leases[-1 - lease % len(self.leases)]
            self.both(lambda store: store.effects.begin(f"{stream} {kind}", held))

    @rule(stream=STREAMS, kind=st.sampled_from([*EffectKind]), state=st.sampled_from([*EffectState]), lease=NUMBERS)
    def settle(self, stream: str, kind: EffectKind, state: EffectState, lease: int) -> None:
        if self.leases:
            held = self.leases[-1 - lease % len(self.leases)]
            said = {"external_id": "1", "url": "u", "note": "n"}
            self.both(lambda store: store.effects.settle(f"{stream} {kind}", held, state, **said))

    @rule(places=st.lists(NUMBERS, min_size=1, max_size=4), what=st.sampled_from(("count", "forget", "take_back")))
    def deliver(self, places: list[int], what: str) -> None:
        at = [Place("topic", 0, place) for place in dict.fromkeys(places)]
        self.both(lambda store: _delivered(store, what, at))

    @invariant()
    def they_show_the_same(self) -> None:
        if not hasattr(self, "real"):
            return
        self.both(lambda store: store.outbox.unsent(range(64), 100))
        self.both(lambda store: store.outbox.blocked())
        for stream in ("s1", "s2", "s3"):
            self.both(partial(_effects, stream))
        for key in "ab":
            self.both(partial(_locked, key))
        self.both(lambda store: store.effects.streams_sent_since(self.clock.now() - timedelta(minutes=1), 100))


async def _effects(stream: str, store: Store) -> Any:
    return await store.effects.of_stream(stream)


async def _locked(key: str, store: Store) -> Any:
    return await store.leases.is_locked(key)


async def _delivered(store: Store, what: str, places: list[Place]) -> Any:
    """Only counting answers anything."""
    counts = await getattr(store.deliveries, what)("group", places)
    return dict(counts) if what == "count" else None


def _row(stream: str, number: int) -> NewOutboxRow:
    return NewOutboxRow(stream, "pr.received", stream, None, (("ce_id", b"%d" % number),), b"value")


def test_memory_and_postgresql_answer_the_same(simulated_url: str) -> None:
    play(Both, simulated_url, examples=15, steps=30)


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if "lease" in fault.name], ids=lambda fault: fault.name)
def test_a_model_that_is_wrong_is_found(simulated_url: str, fault: Fault) -> None:
    with fault.planted(), pytest.raises(AssertionError):
        play(Both, simulated_url, examples=100, steps=30)
