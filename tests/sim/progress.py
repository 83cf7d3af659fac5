"""N1: whatever was accepted leads to something. The facts of a stream are gone through in their order, beside a model
of its runs that knows what the design promises and nothing of how it is kept."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from penstock_contracts.enums import (
    CLOSINGS,
    AnswerOutcome,
    Command,
    CommentsKind,
    ControlAction,
    ErrorClassification,
    PullRequestKind,
    SkipReason,
    Stage,
)
from penstock_contracts.event import Event
from penstock_contracts.facts import (
    Answer,
    CommentsPublished,
    ConfigResolved,
    Fact,
    PrReceived,
    WorkflowControl,
)
from penstock_contracts.flow import STAGE_OF_REQUEST
from penstock_contracts.inner import (
    AnswerIgnored,
    AttemptScheduled,
    HeadAdopted,
    StageGivenUp,
    WorkflowCancelled,
    WorkflowFailed,
    WorkflowOpened,
    WorkflowPaused,
    WorkflowResumed,
    WorkflowSkipped,
    WorkflowStalled,
    WorkflowSuperseded,
)
from penstock_orchestrator.evolve import ALL_PARTS
from penstock_orchestrator.rules import Rules
from penstock_orchestrator.state import REREAD
from tests.sim.standing import Standing
from tests.sim.witness import Witness, asked

SAID = (AnswerOutcome.OK, AnswerOutcome.PARTIAL)
_OVER = (PullRequestKind.CLOSED, PullRequestKind.MERGED)
_PATIENCE = {ErrorClassification.PERMANENT: 1, ErrorClassification.POISON: 1, ErrorClassification.UNKNOWN: 2}
"""How often a part is asked in all that fails like this; else as often as its policy says."""


class Progress:
    """Of one stream. To be asked once what is broken; then `runs` tells how they stand."""

    def __init__(self, rules: Rules, witness: Witness, events: Sequence[Event[Fact]]) -> None:
        self._rules, self._witness, self._events = rules, witness, events
        self._caused: defaultdict[str, list[Event[Fact]]] = defaultdict(list)
        for event in events:
            self._caused[event.envelope.causation_id].append(event)
        self.runs: dict[str, Standing] = {}
        self.automatic = True
        self._told: set[str] = set()
        """Heads of which webhooks told while automatic reviews were paused."""
        self.called: set[str] = set()
        """Heads of which webhooks told that were to open a run."""
        self._seen: dict[str, None] = {}
        """The heads that were read, in their order."""
        self._reviewed: set[str] = set()

    def broken(self, stream: str) -> Iterator[str]:
        known: set[str] = set()
        for event in self._events:
            fact = event.fact
            known.add(_told(event))
            judge, run = _JUDGES.get(type(fact)), event.envelope.workflow_id
            if run and run not in self.runs and not isinstance(fact, WorkflowOpened):
                yield f"N5 {_name(event)} of run {run}, which was never opened"
            elif judge is not None:
                yield from judge(self, event, fact)
            elif isinstance(fact, Answer) and fact.outcome is AnswerOutcome.FAILED:
                yield from self._failed(event, fact)
            elif event.envelope.type in STAGE_OF_REQUEST:
                yield from self._asked(event)
            self._fold(event)
        accepted = self._witness.of_stream(stream)
        yield from (
            f"N1 {_name(accepted[lost])} was accepted, and is in no fact" for lost in sorted(accepted.keys() - known)
        )

    # --- what follows -------------------------------------------------------------------------------------------

    def _going(self) -> list[Standing]:
        return [run for run in self.runs.values() if run.going]

    def _of(self, event: Event[Fact], kind: type[Fact]) -> list[str]:
        """The runs of which this kind of fact was concluded from the event."""
        return [each.envelope.workflow_id for each in self._caused[event.envelope.id] if isinstance(each.fact, kind)]

    def _expected(self, event: Event[Fact], kind: type[Fact], runs: Iterable[Standing]) -> Iterator[str]:
        wanted, found = {run.id for run in runs}, set(self._of(event, kind))
        if wanted != found:
            yield f"N1 {_name(event)} led to {kind.__name__} of {sorted(found)}, not of {sorted(wanted)}"

    def _received(self, event: Event[Fact], fact: PrReceived) -> Iterator[str]:
        if fact.kind is PullRequestKind.COMMAND:
            yield from self._commanded(event, fact)
        elif fact.kind in _OVER:
            going = self._going()
            yield from self._expected(event, WorkflowSuperseded, going)
            for run in going:
                run.closed = True
        elif not self._of(event, WorkflowOpened) and self.automatic and not any(run.unread for run in self._going()):
            yield f"N1 {_name(event)} opened no run"
        elif self._of(event, WorkflowOpened) and not self.automatic:
            yield f"N1 {_name(event)} opened a run while automatic reviews are paused"

    def _commanded(self, event: Event[Fact], fact: PrReceived) -> Iterator[str]:
        if fact.command in (Command.REVIEW, Command.FULL_REVIEW):
            if not self._of(event, WorkflowOpened):
                yield f"N1 {_name(event)} opened no run"
            return
        going = self._going()
        cancelled = going if fact.command == Command.CANCEL else ()
        paused = [run for run in going if not run.paused] if fact.command == Command.PAUSE else ()
        resumed = [run for run in going if run.paused] if fact.command == Command.RESUME else ()
        yield from self._expected(event, WorkflowCancelled, cancelled)
        yield from self._expected(event, WorkflowPaused, paused)
        yield from self._expected(event, WorkflowResumed, resumed)
        caught_up = fact.command == Command.RESUME and bool(self._told) and not any(run.unread for run in going)
        if bool(self._of(event, WorkflowOpened)) != caught_up:
            yield f"N1 {_name(event)} {'opened no run' if caught_up else 'opened a run'}"

    def _controlled(self, event: Event[Fact], fact: WorkflowControl) -> Iterator[str]:
        if fact.action is ControlAction.RE_REVIEW:
            if not self._of(event, WorkflowOpened):
                yield f"N1 {_name(event)} opened no run"
            return
        run = self.runs[fact.run_id]
        meant = {
            ControlAction.CANCEL: (WorkflowCancelled, run.going),
            ControlAction.PAUSE: (WorkflowPaused, not run.paused),
            ControlAction.RESUME: (WorkflowResumed, run.paused),
        }
        if fact.action in meant:
            kind, due = meant[fact.action]
            yield from self._expected(event, kind, [run] if due else [])

    def _ignored(self, event: Event[Fact], fact: AnswerIgnored) -> Iterator[str]:
        """What is also recorded is judged there; else a control alone may find its run over."""
        if self._known(fact):
            return
        run = self.runs.get(fact.run_id)
        if fact.ignored_type == PrReceived.TYPE:
            yield f"N1 {fact.ignored_id} was ignored and is not recorded: {fact.why}"
        elif fact.ignored_type == WorkflowControl.TYPE and run is not None and run.going:
            yield f"N1 a control of run {run.id} was ignored, which was not over: {fact.why}"

    def _known(self, fact: AnswerIgnored) -> bool:
        return any(event.envelope.id == fact.ignored_id for event in self._events)

    # --- readings and answers -----------------------------------------------------------------------------------

    def _read(self, event: Event[Fact], fact: ConfigResolved) -> Iterator[str]:
        """Which head is reviewed (design, "Which head")."""
        if fact.outcome is AnswerOutcome.FAILED:
            yield from self._failed(event, fact)
            return
        run = self.runs[event.envelope.workflow_id]
        wanted: type[Fact] = HeadAdopted
        reason = ""
        if event.envelope.part != REREAD and self._lags(run, fact):
            wanted = AttemptScheduled
        elif fact.closed:
            wanted, reason = WorkflowSkipped, SkipReason.CLOSED
        elif fact.outcome is AnswerOutcome.SKIPPED:
            wanted, reason = WorkflowSkipped, fact.reason
        elif not run.forced and (fact.head in self._reviewed or self._reviews(fact.head, run)):
            wanted, reason = WorkflowSkipped, SkipReason.SAME_HEAD
        elif self._overtaken(fact.head, run):
            wanted = WorkflowSuperseded
        said = [each.fact for each in self._caused[event.envelope.id] if isinstance(each.fact, _AFTER_READING)]
        mine = [each for each in said if each.run_id == run.id]
        if [type(each) for each in mine] != [wanted] or getattr(mine[0], "reason", reason) != reason != "":
            yield f"N1 the reading of {fact.head[:8]} for run {run.id} led to {mine}, not to {wanted.__name__} {reason}"

    def _lags(self, run: Standing, fact: ConfigResolved) -> bool:
        return (fact.closed and run.kind not in _OVER) or run.hint not in ("", fact.head, *self._seen)

    def _reviews(self, head: str, but: Standing) -> bool:
        return any(run.reviewing and run.adopted == head for run in self.runs.values() if run is not but)

    def _overtaken(self, head: str, run: Standing) -> bool:
        """Known before the head that another run reviews as its webhook asked, which came later."""
        later = [each for each in self.runs.values() if each.reviewing and each.told > run.told]
        seen = list(self._seen)
        return any(
            head in (run.hint, *seen[: seen.index(each.adopted)]) for each in later if each.adopted == each.hint != head
        )

    def _published(self, event: Event[Fact], fact: CommentsPublished) -> Iterator[str]:
        if fact.outcome is AnswerOutcome.FAILED:
            yield from self._failed(event, fact)
        elif fact.reason == SkipReason.HEAD_MOVED and not self._of(event, WorkflowOpened):
            yield f"N1 the head of run {event.envelope.workflow_id} has moved, and no run was opened for the new one"

    def _failed(self, event: Event[Fact], fact: Answer) -> Iterator[str]:
        """It is asked again as often as its policy says."""
        envelope = event.envelope
        stage, error = Stage(envelope.stage), fact.error_class or ErrorClassification.UNKNOWN
        if stage is not Stage.COMMENTS and asked(envelope) not in self._witness.failed and not _took_long(fact):
            yield f"N1 {stage} {envelope.part} of run {envelope.workflow_id} failed, and nothing made it: {fact.error}"
        most = _PATIENCE.get(error, self._rules.schedules[stage].attempts)
        wanted = AttemptScheduled if envelope.attempt < most else StageGivenUp
        if not self._of(event, wanted):
            told = f"attempt {envelope.attempt} of {most} at {stage} {envelope.part} of run {envelope.workflow_id}"
            yield f"N1 {told} has failed ({error}), and no {wanted.__name__} follows"

    # --- endings ------------------------------------------------------------------------------------------------

    def _given_up(self, event: Event[Fact], fact: StageGivenUp) -> Iterator[str]:
        """After a failure, which is judged where it is told; else at a deadline."""
        run = self.runs[fact.run_id]
        since = run.parts.get((fact.stage, fact.part))
        deadline = run.due if since is None else min(run.due, since + self._rules.part_deadline)
        if self._after_failure(event):
            return
        if event.envelope.time < deadline:
            yield f"N1 {fact.stage} {fact.part} of run {run.id} was given up at no deadline: {fact.reason}"
        yield from run.overdue(fact.stage, fact.part, deadline)

    def _after_failure(self, event: Event[Fact]) -> bool:
        cause = event.envelope.causation_id
        return any(
            isinstance(each.fact, Answer) and each.fact.outcome is AnswerOutcome.FAILED
            for each in self._events
            if each.envelope.id == cause
        )

    def _ended_badly(self, event: Event[Fact], fact: WorkflowFailed) -> Iterator[str]:
        run = self.runs[fact.run_id]
        given_up = [
            each.fact
            for each in self._caused[event.envelope.causation_id]
            if isinstance(each.fact, StageGivenUp) and each.fact.stage in (Stage.PREPARE, Stage.COMMENTS)
        ]
        if not given_up and event.envelope.time < run.due:
            yield f"N1 run {run.id} failed before its time: {fact.reason}"
        if not given_up:
            yield from run.overdue(Stage.PREPARE, ALL_PARTS, run.due)

    def _asked(self, event: Event[Fact]) -> Iterator[str]:
        run, closing = self.runs[event.envelope.workflow_id], event.envelope.part in CLOSINGS
        if run.paused:
            yield f"N3 {event.envelope.type} of run {run.id}, which is paused"
        elif not run.going and not closing:
            yield f"N3 {event.envelope.type} of run {run.id}, which ended {run.outcome}"

    # --- the model ----------------------------------------------------------------------------------------------

    def _fold(self, event: Event[Fact]) -> None:
        fact, envelope = event.fact, event.envelope
        if isinstance(fact, WorkflowOpened):
            opened = Standing(fact.run_id, fact.kind, fact.hint_head, fact.forced, fact.due, envelope.sequence)
            opened.hints.add(fact.hint_head)
            self.runs[fact.run_id] = opened
        elif isinstance(fact, PrReceived):
            self._hear(fact, envelope.sequence)
        elif isinstance(fact, ConfigResolved):
            self._seen.setdefault(fact.head)
        elif isinstance(fact, CommentsPublished) and fact.kind is CommentsKind.REVIEW and fact.outcome in SAID:
            self._reviewed.add(fact.head)
        run = self.runs.get(envelope.workflow_id)
        if run is not None:
            run.learn(event)

    def _hear(self, fact: PrReceived, sequence: int) -> None:
        if fact.command in (Command.PAUSE, Command.RESUME):
            self.automatic = fact.command == Command.RESUME
        if fact.kind not in (PullRequestKind.COMMAND, *_OVER):
            self._told.add(fact.hint_head)
        if self.automatic:
            self.called |= self._told
            self._told.clear()
        for run in self.runs.values():
            if run.unread and fact.hint_head:
                run.hint, run.told = fact.hint_head, sequence
                run.hints.add(fact.hint_head)


def _took_long(fact: Answer) -> bool:
    """Longer than a handler may; or nobody outlived it, which is judged where its dead letter is."""
    return "took longer than" in fact.error or fact.error_class is ErrorClassification.POISON


def _told(event: Event[Fact]) -> str:
    """What was stored, ignored, or could not be applied and is shown."""
    fact = event.fact
    if isinstance(fact, AnswerIgnored):
        return fact.ignored_id
    return fact.event_id if isinstance(fact, WorkflowStalled) else event.envelope.id


def _name(event: Event[Fact]) -> str:
    fact = event.fact
    if isinstance(fact, PrReceived):
        what = f"{fact.command or fact.kind} at {fact.hint_head[:8]}"
    else:
        what = str(getattr(fact, "action", ""))
    return f"{event.envelope.type} {event.envelope.sequence} ({what})"


_AFTER_READING = (AttemptScheduled, HeadAdopted, WorkflowSkipped, WorkflowSuperseded)
_JUDGES: Mapping[type[Fact], Callable[[Progress, Event[Fact], Any], Iterator[str]]] = {
    PrReceived: Progress._received,
    WorkflowControl: Progress._controlled,
    AnswerIgnored: Progress._ignored,
    ConfigResolved: Progress._read,
    CommentsPublished: Progress._published,
    StageGivenUp: Progress._given_up,
    WorkflowFailed: Progress._ended_badly,
}
