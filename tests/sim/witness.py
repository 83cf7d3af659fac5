"""What really happened outside: what was accepted, what was read at the platform, and what was made to fail."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from penstock_contracts.envelope import Envelope
from penstock_contracts.event import Event
from penstock_contracts.facts import Fact

Asked = tuple[str, str, str, int]
"""One attempt: run, stage, part, attempt."""


def asked(envelope: Envelope) -> Asked:
    return envelope.workflow_id, envelope.stage, envelope.part, envelope.attempt


@dataclass(slots=True)
class Witness:
    accepted: dict[str, Event[Fact]] = field(default_factory=dict)
    """By id: whoever sent it was told that it is safe."""
    failed: set[Asked] = field(default_factory=set)
    """Attempts at stages that were made to fail."""

    def of_stream(self, stream: str) -> Mapping[str, Event[Fact]]:
        return {known: event for known, event in self.accepted.items() if event.envelope.stream == stream}
