"""What has to hold once everything is quiet: the promises of the design, counted at the platform and in the store."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta

from penstock_commenter.identity import review_id, summary_id
from penstock_contracts.enums import CommentsKind, ExecutionState, Stage
from penstock_contracts.event import Event
from penstock_contracts.facts import (
    AstRequested,
    CommentsRequested,
    ConfigResolved,
    Fact,
    FilesReviewRequested,
    PrReviewRequested,
)
from penstock_contracts.flow import EVENTS_TOPIC, TOPICS, topics_heard_by
from penstock_contracts.inner import HeadAdopted, WorkflowFinished, WorkflowOpened, WorkflowSuperseded
from penstock_orchestrator.fold import OrchestratorFold
from penstock_orchestrator.handler import CONSUMER
from penstock_orchestrator.state import Phase
from penstock_store.memory.tables import Tables
from penstock_store.rows import EffectKind, EffectState
from tests.sim.cast import MARKERS
from tests.sim.coverage import Coverage
from tests.sim.progress import Progress
from tests.sim.told import untold
from tests.sim.world import World

_IN_FLIGHT = timedelta(seconds=20)
"""A call begun before a head was superseded may land until it has timed out and settled."""
_OURS = {topic.name for topic in TOPICS if set(topic.said_by) & {"orchestrator", "ingest", "console"}}
_HEAVY = (AstRequested, PrReviewRequested, FilesReviewRequested)
Facts = Mapping[str, Sequence[Event[Fact]]]


async def broken(world: World) -> list[str]:
    """What does not hold; nothing when all does."""
    store = await world.ground.store()
    names = await store.streams.names()
    facts = {name: await store.streams.facts(name) for name in names}
    unequal = await store.streams.refold_all(world.terms.fold())
    found = [f"N4 {each.stream}: {each.found}" for each in unequal]
    found += [*world.ground.broken, *world.forge.broken]
    found += _progress(world, facts)
    found += _Judge(world, await world.ground.seen()).broken(facts)
    found += observe(world.coverage, world.terms.fold(), facts)
    return found


def _progress(world: World, facts: Facts) -> Iterator[str]:
    for number in world.forge.pulls:
        stream = world.stream(number)
        progress = Progress(world.terms.rules(), world.witness, facts.get(stream, ()))
        yield from progress.broken(stream)
        yield from untold(world, number, progress)


class _Judge:
    def __init__(self, world: World, seen: Tables) -> None:
        self._world, self._seen = world, seen

    def broken(self, facts: Facts) -> list[str]:
        found: list[str] = []
        checks = (
            self._over(),
            self._sequences(facts),
            self._published(),
            self._heard(),
            self._joins(facts),
            self._said_once(facts),
            self._late(facts),
            self._current(facts),
            self._letters(),
        )
        for check in checks:
            found += check
        return found

    def _over(self) -> Iterator[str]:
        tables = self._seen
        for row in tables.jobs.values():
            if row.finished_at is not None:
                continue
            timers = [f"{timer.kind} due {timer.due:%d %H:%M:%S}" for timer in tables.timers.values()]
            parts = [
                f"{part.stage} {part.part} {part.attempt} {part.state}"
                for part in tables.executions.values()
                if part.run_id == row.id and part.state is ExecutionState.ASKED
            ]
            waits = f"waits for {row.waiting_for or 'nothing'}, asked {parts}, timers {timers}"
            yield f"N1 {row.type} {row.id} is {row.status} at {self._world.clock.now():%d %H:%M:%S}, {waits}"

    def _sequences(self, facts: Facts) -> Iterator[str]:
        opened, finished = Counter[str](), Counter[str]()
        for stream, events in facts.items():
            if [event.envelope.sequence for event in events] != list(range(1, len(events) + 1)):
                yield f"N5 {stream} has gaps"
            yield from (f"N5 {stream} has {known} twice" for known in _doubled(each.envelope.id for each in events))
            for event in events:
                opened[event.envelope.workflow_id] += isinstance(event.fact, WorkflowOpened)
                finished[event.envelope.workflow_id] += isinstance(event.fact, WorkflowFinished)
        for run in {run: None for run in (*+opened, *+finished)}:
            if (opened[run], finished[run]) != (1, 1):
                yield f"N5 run {run} opened {opened[run]} times and finished {finished[run]} times"

    def _published(self) -> Iterator[str]:
        """N6: both ways; and what a stream says first lies in its order."""
        world = self._world
        if self._seen.unsent:
            yield f"N6 {len(self._seen.unsent)} rows are not sent"
        rows = {(row.topic, _header(row.headers, "ce_id")) for row in self._seen.outbox.values()}
        records = {topic.name: world.log.records(topic.name) for topic in TOPICS}
        lying = {(topic, _header(record.headers, "ce_id")) for topic, known in records.items() for record in known}
        yield from (f"N6 {topic} lacks {event_id}" for topic, event_id in sorted(rows - lying))
        yield from (f"N6 {topic} has {known}" for topic, known in sorted(lying - rows) if topic in _OURS)
        last = Counter[str]()
        for record in records[EVENTS_TOPIC]:
            stream, number = _header(record.headers, "ce_stream"), int(_header(record.headers, "ce_sequence"))
            if number > last[stream] + 1:
                yield f"N6 {stream}: {number} follows {last[stream]}"
            last[stream] = max(last[stream], number)

    def _heard(self) -> Iterator[str]:
        """N9: what is committed was finished, so the orchestrator's inbox knows every record before its positions."""
        world = self._world
        yield from (f"N9 {group} is {lag} behind" for group, lag in world.behind().items() if lag)
        for topic in topics_heard_by("orchestrator"):
            for record in world.log.records(topic.name):
                if (CONSUMER, _header(record.headers, "ce_id")) not in self._seen.inbox:
                    yield f"N9 {topic.name} {record.partition}/{record.position} was passed over"
        left = [key for key, count in self._seen.deliveries.items() if not world.deaths.left_alone(key, count)]
        if left and not (world.freezes or world.outages or world.lost):
            yield f"counts are left: {sorted(left)[:3]}"

    def _joins(self, facts: Facts) -> Iterator[str]:
        manifests: dict[str, list[str]] = {}
        seen = Counter[str]()
        for event in (event for events in facts.values() for event in events):
            run, fact = event.envelope.workflow_id, event.fact
            if isinstance(fact, ConfigResolved) and fact.head:
                manifests[run] = sorted(str(batch.index) for batch in fact.manifest)
            elif isinstance(fact, CommentsRequested) and fact.kind is CommentsKind.REVIEW:
                parts = sorted(part.part for part in fact.parts if part.stage is Stage.FILES_REVIEW)
                seen[run] += event.envelope.attempt == 1
                if parts != manifests.get(run, []) or seen[run] > 1:
                    yield f"N7 run {run}: {parts} of {manifests.get(run)}, time {seen[run]}"

    def _said_once(self, facts: Facts) -> Iterator[str]:
        """N2, counted at the platform. A submitted review cannot be taken back, so a process that was frozen in the
        middle of its call may double one, or a store whose clock was set and whose leases ran out by it."""
        world = self._world
        effects = self._seen.effects
        reviews = {number: Counter(each.body for each in pull.reviews) for number, pull in world.forge.pulls.items()}
        runs = {run.id: run for run in self._seen.jobs.values() if run.parent_id is None}
        for number, pull in world.forge.pulls.items():
            stream = world.stream(number)
            for run in (run for run in runs.values() if run.stream == stream):
                effect = review_id(run.id)
                said = sum(count for body, count in reviews[number].items() if MARKERS.marks(body, effect))
                sent = effect in effects and effects[effect].state is EffectState.SENT
                if said > 1 and (world.forge.lingered or world.ground.clock.jumps):
                    world.coverage.forge["review: doubled by the frozen"] += said - 1
                elif said > 1 or (sent and not said):
                    yield f"N2 run {run.id} ({run.outcome}) has {said} reviews"
            summaries = sum(MARKERS.marks(comment.body, summary_id(stream)) for comment in pull.comments.values())
            # Whoever spoke in its place looks as well, as long as it lives: the next start looks once, and too early.
            if summaries > 1 and stream not in world.forge.unlooked:
                yield f"N2 {stream} has {summaries} summaries"
            for row in (row for row in effects.values() if row.stream == stream and row.kind is EffectKind.INLINE):
                doubled = sum(MARKERS.marks(comment.body, row.id) for comment in pull.inline.values())
                if doubled > 1 and stream not in world.forge.unlooked:
                    yield f"N2 {stream} has {doubled} comments of {row.note}"

    def _late(self, facts: Facts) -> Iterator[str]:
        """N3, where nobody was frozen and the store went by the right time."""
        world = self._world
        if world.freezes or world.ground.clock.jumps:
            return
        for event in (event for events in facts.values() for event in events):
            if not isinstance(event.fact, WorkflowSuperseded):
                continue
            until = (event.envelope.time + _IN_FLIGHT).isoformat()
            for pull in world.forge.pulls.values():
                for review in pull.reviews:
                    if review.submitted_at > until and MARKERS.marks(review.body, review_id(event.fact.run_id)):
                        yield f"N3 run {event.fact.run_id} was superseded, and reviewed at {review.submitted_at}"

    def _current(self, facts: Facts) -> Iterator[str]:
        """N3: heavy work is asked for the run alone that adopted the head last."""
        for events in facts.values():
            adopted = ""
            for event in events:
                if isinstance(event.fact, HeadAdopted):
                    adopted = event.envelope.workflow_id
                elif isinstance(event.fact, _HEAVY) and event.envelope.workflow_id != adopted:
                    yield f"N3 {event.envelope.type} of run {event.envelope.workflow_id}, whose head is not the last"

    def _letters(self) -> Iterator[str]:
        """N12. Poison is what enough processes died of, and then is said; so is a handler whose process was frozen for
        too long."""
        world = self._world
        for letter in self._seen.letters.values():
            if letter.error.startswith("hung") and world.freezes:
                world.coverage.outcomes["(an event hung in a frozen process)"] += 1
            elif letter.reason == "poison" and world.deaths.excuse(letter, answers_lost=bool(world.lost)):
                world.coverage.outcomes["(poison that processes died of)"] += 1
            else:
                yield f"N12 {letter.event_type} of {letter.consumer}: {letter.reason}: {letter.error}"


_PHASES = {
    (None, Phase.PREPARING),
    (Phase.PREPARING, Phase.REVIEWING),
    (Phase.PREPARING, Phase.CLOSING),
    (Phase.REVIEWING, Phase.PUBLISHING),
    (Phase.REVIEWING, Phase.CLOSING),
    (Phase.PUBLISHING, Phase.CLOSING),
    (Phase.PUBLISHING, Phase.FINISHED),
    (Phase.CLOSING, Phase.FINISHED),
}


def observe(coverage: Coverage, fold: OrchestratorFold, facts: Facts) -> list[str]:
    """Counts the transitions; N5: which of them no run may make."""
    illegal: list[str] = []
    for stream, events in facts.items():
        state = fold.initial(stream)
        for event in events:
            before, state = state, fold.evolve(state, event)
            run = state.runs.get(event.envelope.workflow_id)
            if run is None:
                continue
            old = before.runs.get(run.id)
            phase = old.phase if old else None
            if phase is not run.phase and (phase, run.phase) not in _PHASES:
                illegal.append(f"N5 run {run.id} went from {phase} to {run.phase}")
            if old is None or old.phase is not run.phase:
                coverage.transitions[f"phase {old.phase if old else '-'} → {run.phase}"] += 1
            for key, part in run.parts.items():
                was = old.parts.get(key) if old else None
                if was is not part and (was is None or was.state is not part.state):
                    coverage.transitions[f"{part.stage} {was.state if was else '-'} → {part.state}"] += 1
            if run.outcome is not None and run.finished and (old is None or not old.finished):
                coverage.outcomes[run.outcome] += 1
    return illegal


def _doubled(ids: Iterable[str]) -> list[str]:
    return [known for known, count in Counter(ids).items() if count > 1]


def _header(headers: Sequence[tuple[str, bytes]], name: str) -> str:
    return next((value.decode() for header, value in headers if header == name), "")
