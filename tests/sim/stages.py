"""The stages between the orchestrator and the commenter, played: they answer, fail in every class, lag or take long."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from penstock_changes.documents import (
    AnalysisDocument,
    ManifestDocument,
    ReviewConfig,
    ReviewDocument,
    encode_document,
)
from penstock_changes.findings import Category, Finding, Severity
from penstock_contracts.enums import AnswerOutcome, ErrorClassification, Stage
from penstock_contracts.envelope import Envelope
from penstock_contracts.event import Event
from penstock_contracts.facts import (
    Answer,
    AstCompleted,
    Batch,
    ConfigResolved,
    Fact,
    FilesReviewCompleted,
    FilesReviewRequested,
    PrepareRequested,
    PrReviewCompleted,
    Unwanted,
)
from penstock_contracts.flow import STAGES
from penstock_eventlog.outcomes import Emit, Failed, Outcome
from penstock_eventlog.wanted import Wanted
from penstock_eventlog.work import Handler
from penstock_platforms.ports import PullRequestState
from penstock_store.ports import Blobs, Store
from tests.sim.forge import BASE, Forge
from tests.sim.ground import Ground
from tests.sim.process import Process
from tests.sim.waiting import Alarms
from tests.sim.witness import Witness, asked

LINES = 40
DIFF = (
    f"diff --git a/app.py b/app.py\nnew file mode 100644\n--- /dev/null\n+++ b/app.py\n@@ -0,0 +1,{LINES} @@\n"
    + "".join(f"+line {number}\n" for number in range(1, LINES + 1))
).encode()
_FAILURES = (*ErrorClassification, None)
"""None: the handler raises."""


class Broken(Exception):
    """A handler has a fault."""


@dataclass(frozen=True, slots=True)
class Stages:
    """The handlers of one process. What becomes of a request follows from the seed and the request alone."""

    process: Process
    store: Store
    forge: Forge
    alarms: Alarms
    ground: Ground
    witness: Witness
    seed: int
    faults: float

    def handles(self) -> Mapping[str, Handler]:
        return {row.request.TYPE: self.requested for row in STAGES.values() if row.stage is not Stage.COMMENTS}

    async def requested(self, event: Event[Fact]) -> Outcome:
        envelope = event.envelope
        before = await self._asked(envelope)
        skip = await Wanted(self.store.executions).skip(event)
        if skip is not None:
            return skip
        # Both before and after: on a server somebody else may end it while the answer is on its way.
        if not before and not await self._asked(envelope):
            self.ground.broken.append(f"N10 work is begun on {envelope.stage} {envelope.part}, which nobody waits for")
        dice = Random(f"{self.seed} {envelope.workflow_id} {envelope.stage} {envelope.part} {envelope.attempt}")
        if dice.random() < self.faults:
            await self.alarms.sleep(dice.choice((0.5, 5.0, 12.0, 70.0, 1_200.0, 4_000.0)))
        if dice.random() < self.faults:
            self.witness.failed.add(asked(envelope))
            failure = dice.choice(_FAILURES)
            if failure is None:
                raise Broken(envelope.stage)
            return Failed(failure, "it broke", dice.choice((None, 3.0, 90.0)))
        await self.process.passage()
        return Emit((await self._answer(event.fact, dice),))

    async def _asked(self, envelope: Envelope) -> bool:
        return await self.ground.asked(envelope.workflow_id, Stage(envelope.stage), envelope.part, envelope.attempt)

    async def _answer(self, fact: Fact, dice: Random) -> Answer:
        blobs = self.store.blobs
        if isinstance(fact, PrepareRequested):
            return await self._reading(fact, dice, blobs)
        if isinstance(fact, FilesReviewRequested):
            found = ReviewDocument(findings=(_finding(fact.head, fact.batch.index),))
            outcome = AnswerOutcome.PARTIAL if dice.random() < self.faults / 2 else AnswerOutcome.OK
            return FilesReviewCompleted(outcome, blob=await blobs.put(encode_document(found)), findings=1)
        if fact.TYPE.startswith("pr."):
            return PrReviewCompleted(blob=await blobs.put(encode_document(ReviewDocument(summary="It counts."))))
        return AstCompleted(blob=await blobs.put(encode_document(AnalysisDocument())))

    async def _reading(self, fact: PrepareRequested, dice: Random, blobs: Blobs) -> ConfigResolved:
        """Of the platform as it is, or as it was before the last push: platforms lag."""
        pull = self.forge.pulls[fact.pull_request.number]
        head = pull.heads[max(0, len(pull.heads) - 2)] if dice.random() < self.faults / 2 else pull.head
        config = Random(f"{self.seed} {fact.pull_request.number} {pull.config}")
        if config.random() < self.faults / 2:
            return ConfigResolved(AnswerOutcome.SKIPPED, reason="drafts are not reviewed", head=head, base=BASE)
        batches = dice.choice((0, 1, 1, 2, 3))
        review = ReviewConfig(initial_comment=config.random() < 0.5)
        manifest = ManifestDocument(head, BASE, BASE, "A change", "", "ada", (), (), (("app.py",),) * batches)
        unwanted = [stage for stage in (Stage.AST, Stage.PR_REVIEW) if config.random() < 0.2]
        return ConfigResolved(
            head=head,
            base=BASE,
            closed=pull.state is not PullRequestState.OPEN,
            config_blob=await blobs.put(encode_document(review)),
            change_blob=await blobs.put(DIFF),
            manifest=tuple(Batch(index, 1, "") for index in range(batches)),
            manifest_blob=await blobs.put(encode_document(manifest)),
            unwanted=tuple(Unwanted(stage, "switched off") for stage in unwanted),
            pending_comment=config.random() < 0.8,
        )


def _finding(head: str, batch: int) -> Finding:
    line = 1 + batch
    return Finding(
        path="app.py",
        start_line=line,
        end_line=line,
        category=Category.BUG,
        severity=Severity.HIGH,
        rule="off-by-one",
        title="It is wrong",
        message="It counts one too many.",
        source="model",
        fingerprint=f"{head[:6]} {batch}",
    )
