"""What a platform refuses costs nothing else, and is told."""

from dataclasses import replace

from penstock_changes.documents import ReviewConfig
from penstock_changes.findings import Severity
from penstock_commenter.identity import inline_id, status_id
from penstock_contracts.enums import ErrorClassification
from penstock_contracts.event import Event
from penstock_contracts.facts import CommentsRequested
from penstock_eventlog.outcomes import Failed
from penstock_platforms.forge.faults import Fault, FaultKind
from penstock_store.rows import EffectState
from tests.unit.penstock_commenter.stage import Stagehand, answer_of, finding

REVIEWS = r"/pulls/\d+/reviews$"
STATUSES = r"/statuses/"


async def test_a_bad_place_costs_only_its_own_comment(stage: Stagehand) -> None:
    """The diff we read says more than the platform's, as where a platform leaves a big file out."""
    event = await stage.review(finding(5), finding(2, path="other.py"))
    diff = (await stage.diff()).decode() + OTHER
    event = with_change(event, await stage.store.blobs.put(diff.encode()))
    answer = answer_of(await stage.process().requested(event))
    assert answer.comments == 1
    assert [each.path for each in stage.inline()] == ["app.py"]
    assert len(stage.reviews()) == 1
    assert "`other.py:2`" in stage.comments()[0].body


OTHER = """diff --git a/other.py b/other.py
index 1111111..2222222 100644
--- a/other.py
+++ b/other.py
@@ -1,2 +1,2 @@
 one
-two
+zwei
"""


def with_change(event: Event[CommentsRequested], blob: str) -> Event[CommentsRequested]:
    return Event(event.envelope, replace(event.fact, change_blob=blob))


async def test_when_every_place_is_refused_all_findings_stand_in_the_summary(stage: Stagehand) -> None:
    event = with_change(await stage.review(finding(2, path="other.py")), await stage.store.blobs.put(OTHER.encode()))
    answer = answer_of(await stage.process().requested(event))
    assert (answer.comments, stage.reviews()) == (0, [])
    assert "`other.py:2`" in stage.comments()[0].body
    assert stage.status() == "success"
    row = stage.store.tables.effects[inline_id(stage.stream, "other.py:2:bugs/off-by-one")]
    assert row.state is EffectState.REFUSED


async def test_a_refused_verdict_costs_only_the_verdict(stage: Stagehand) -> None:
    """Nobody may request changes on a pull request of their own."""
    stage.pull = await stage.forge.world.open_pull_request(
        stage.repository, title="Ours", files={"app.py": "line one\n"}, author="penstock-bot"
    )
    config = ReviewConfig(request_changes_at=Severity.HIGH)
    answer_of(await stage.process().requested(await stage.review(finding(1), config=config)))
    assert [each.state for each in stage.reviews()] == ["COMMENTED"]
    assert stage.status() == "failure"


async def test_a_review_refused_in_every_form_is_said_in_the_summary_and_told_in_the_answer(stage: Stagehand) -> None:
    stage.forge.faults.add(Fault(FaultKind.STATUS, method="POST", path=REVIEWS, status=422, times=9))
    answer = answer_of(await stage.process().requested(await stage.review(finding())))
    assert (answer.comments, stage.reviews()) == (0, [])
    assert "`app.py:5`" in stage.comments()[0].body
    assert "422" in answer.reason


async def test_when_nothing_may_be_said_the_request_fails_for_good(stage: Stagehand) -> None:
    stage.forge.faults.add(Fault(FaultKind.STATUS, method="POST", status=403, times=99))
    outcome = await stage.process().requested(await stage.review(finding()))
    assert isinstance(outcome, Failed)
    assert outcome.error_class is ErrorClassification.PERMANENT


async def test_a_refused_status_does_not_cost_the_review(stage: Stagehand) -> None:
    stage.forge.faults.add(Fault(FaultKind.STATUS, method="POST", path=STATUSES, status=403))
    answer = answer_of(await stage.process().requested(await stage.review(finding())))
    assert "403" in answer.reason
    assert (len(stage.reviews()), len(stage.comments())) == (1, 1)
    assert stage.store.tables.effects[status_id(stage.stream, stage.pull.head)].state is EffectState.REFUSED
