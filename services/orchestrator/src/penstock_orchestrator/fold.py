"""The Fold that apply is handed: decide, evolve, project and the state's encoding, in one value."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from penstock_contracts.event import Event
from penstock_contracts.facts import Fact
from penstock_orchestrator.decide import decide, stall
from penstock_orchestrator.evolve import evolve
from penstock_orchestrator.project import project
from penstock_orchestrator.rules import Rules
from penstock_orchestrator.state import StreamState
from penstock_store.errors import CorruptState
from penstock_store.rows import Projection

FOLD_VERSION = 8


class OrchestratorFold:
    """`version` grows whenever evolve or the state changes; stored states of another version are folded again."""

    version = FOLD_VERSION

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(StreamState)

    def initial(self, stream: str) -> StreamState:
        return StreamState(stream)

    def decide(self, state: StreamState, event: Event[Fact], now: datetime) -> Sequence[Event[Fact]]:
        return decide(self._rules, state, event, now)

    def evolve(self, state: StreamState, stored: Event[Fact]) -> StreamState:
        return evolve(state, stored)

    def stall(
        self, state: StreamState, event: Event[Fact], error: str, remedy: str, now: datetime
    ) -> Sequence[Event[Fact]]:
        return stall(self._rules, state, event, now, error=error, remedy=remedy)

    def project(self, state: StreamState, other: StreamState | None = None) -> Projection:
        return project(self._rules, state, other)

    def sequence(self, state: StreamState) -> int:
        return state.sequence

    def subject(self, state: StreamState) -> str:
        return state.subject

    def encode(self, state: StreamState) -> bytes:
        return self._encoder.encode(state)

    def decode(self, data: bytes) -> StreamState:
        try:
            return self._decoder.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise CorruptState(str(error)) from error
