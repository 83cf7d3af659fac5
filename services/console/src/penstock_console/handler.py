"""What people ask through the API: answered from the store, or put on its way as workflow.control."""

from collections.abc import Sequence
from dataclasses import dataclass

from penstock_console.decide import Run, Wish, control_event
from penstock_console.errors import JobUnknown
from penstock_console.ports import Rooms
from penstock_contracts.codec import Codec
from penstock_contracts.enums import ExecutionState
from penstock_contracts.routing import route
from penstock_store.rows import JobFilter, JobRow, NewOutboxRow


@dataclass(frozen=True, slots=True)
class Asked:
    """The event that was put on its way; not `new` when this wish had come before."""

    event_id: str
    run_id: str
    new: bool


@dataclass(frozen=True, slots=True)
class Desk:
    store: Rooms
    codec: Codec

    async def job(self, job_id: str) -> JobRow:
        """Raises JobUnknown."""
        found = await self.store.jobs.job(job_id)
        if found is None:
            raise JobUnknown(job_id)
        return found

    async def jobs(self, wanted: JobFilter) -> Sequence[JobRow]:
        """Behind a job that is not there stands nothing, which would look like the end. Raises JobUnknown."""
        if wanted.after:
            await self.job(wanted.after)
        return await self.store.jobs.jobs(wanted)

    async def run_of(self, job_id: str) -> JobRow:
        """A stage's row leads to its run. Raises JobUnknown."""
        found = await self.job(job_id)
        return found if found.parent_id is None else await self.job(found.parent_id)

    async def ask(self, job_id: str, wish: Wish) -> Asked:
        """Stored before it is answered; the orchestrator decides what becomes of it. Raises a ConsoleError."""
        run = await self.run_of(job_id)
        history = await self.store.jobs.history(run.id)
        given_up = frozenset((row.stage.value, row.part) for row in history if row.state is ExecutionState.GIVEN_UP)
        known = Run(run.id, run.stream, run.subject, run.correlation_id, run.status, given_up)
        event = control_event(known, wish, await self.store.now())
        target, encoded = route(event.envelope), self.codec.encode(event)
        row = NewOutboxRow(
            stream=run.stream,
            topic=target.topic,
            key=target.key,
            spread=target.spread,
            headers=encoded.headers,
            value=encoded.value,
        )
        new = await self.store.receipts.receive(event.envelope.id, row)
        return Asked(event.envelope.id, run.id, new)


HANDLES = {"POST /workflow-queue/jobs/{id}/{action}": Desk.ask}
