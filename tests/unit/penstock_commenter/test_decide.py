"""The aggregate: what is said inline, what is listed, what is left unsaid, and why."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from penstock_changes.diffs import parse_diff
from penstock_changes.documents import AnalysisDocument, ManifestDocument, ReviewConfig, ReviewDocument
from penstock_changes.findings import Finding, Severity
from penstock_changes.model import Side
from penstock_commenter.decide import Aggregate, Material, Part, Said, Verdict, aggregate
from penstock_commenter.identity import inline_id
from penstock_commenter.texts import inline_body, status_line, summary
from penstock_contracts.enums import SkipReason, Stage
from tests.unit.penstock_commenter.stage import finding

STREAM = "github:github.com:1:7"
DIFF = """diff --git a/app.py b/app.py
index 1111111..2222222 100644
--- a/app.py
+++ b/app.py
@@ -3,5 +3,5 @@
 line 3
 line 4
-line 5
+line five
 line 6
 line 7
@@ -28,3 +28,4 @@
 line 28
 line 29
-line 30
+line thirty
+and more
"""
MANIFEST = ManifestDocument("h" * 40, "b" * 40, "b" * 40, "", "", "alice", (), (), (("app.py",),))
TWO_BATCHES = replace(MANIFEST, batches=(("app.py",), ("b.py", "c.py")))


def reviewed(*findings: Finding, part: str = "0", outcome: str = "ok") -> Part:
    return Part(Stage.FILES_REVIEW, part, outcome, document=ReviewDocument(findings=findings))


def of(
    *parts: Part,
    config: ReviewConfig | None = None,
    said: Said | None = None,
    partial: bool = False,
    manifest: ManifestDocument = MANIFEST,
) -> Aggregate:
    material = Material(STREAM, config or ReviewConfig(), manifest, parse_diff(DIFF), parts, partial)
    return aggregate(material, said or Said())


def test_the_worst_come_first_then_path_then_line() -> None:
    result = of(reviewed(finding(30), finding(5), finding(6, Severity.CRITICAL)))
    assert [each.finding.start_line for each in result.inline] == [6, 5, 30]


def test_one_finding_of_two_sources_is_said_once_by_the_worse() -> None:
    mild = finding(5, Severity.LOW, fingerprint="same")
    result = of(
        Part(Stage.AST, "", "ok", document=AnalysisDocument(findings=(mild,))), reviewed(finding(5, fingerprint="same"))
    )
    assert [each.severity for each in result.findings] == [Severity.HIGH]


def test_findings_without_a_fingerprint_are_told_apart_by_place_and_title() -> None:
    result = of(reviewed(finding(5, fingerprint=""), finding(5, fingerprint=""), finding(6, fingerprint="")))
    assert len(result.findings) == 2


def test_ignored_rules_and_mild_findings_are_not_said() -> None:
    config = ReviewConfig(ignore_rules=("style/*",), minimum_severity=Severity.MEDIUM)
    result = of(reviewed(finding(5, rule="style/spaces"), finding(6, Severity.LOW), finding(30)), config=config)
    assert [each.start_line for each in result.findings] == [30]


def test_beyond_the_cap_findings_are_listed_and_none_is_lost() -> None:
    result = of(reviewed(*(finding(line) for line in (3, 4, 5, 6, 7, 28, 29))))
    assert (len(result.inline), len(result.listed)) == (5, 2)


def test_a_finding_outside_the_diff_is_listed() -> None:
    result = of(reviewed(finding(20), finding(5, path="elsewhere.py")))
    assert (len(result.inline), len(result.listed)) == (0, 2)


def test_a_range_that_reaches_out_of_its_hunk_is_cut_and_says_so() -> None:
    result = of(reviewed(finding(29, end_line=40, suggestion="x")))
    (placed,) = result.inline
    assert (placed.place.start_line, placed.place.end_line, placed.exact) == (29, 31, False)
    body = inline_body(placed, suggestions=True)
    assert "lines 29 to 40" in body
    assert "```suggestion" not in body


def test_what_another_run_said_is_silenced_and_counts_as_still_standing() -> None:
    said = Said(sent=frozenset({inline_id(STREAM, finding(5).fingerprint)}))
    result = of(reviewed(finding(5), finding(30)), said=said)
    assert [each.start_line for each in result.findings] == [30]
    assert len(result.repeated) == 1


def test_what_the_platform_refused_before_is_listed_and_not_tried_again() -> None:
    said = Said(refused=frozenset({inline_id(STREAM, finding(5).fingerprint)}))
    result = of(reviewed(finding(5)), said=said)
    assert (result.inline, len(result.listed)) == ((), 1)


def test_changes_are_requested_also_for_what_was_said_before_and_still_stands() -> None:
    said = Said(sent=frozenset({inline_id(STREAM, finding(5).fingerprint)}))
    result = of(reviewed(finding(5)), said=said, config=ReviewConfig(request_changes_at=Severity.HIGH))
    assert result.verdict is Verdict.REQUEST_CHANGES


def test_a_partial_review_never_approves() -> None:
    config = ReviewConfig(approve_when_clean=True)
    assert of(reviewed(), config=config).verdict is Verdict.APPROVE
    assert of(reviewed(), config=config, partial=True).verdict is Verdict.COMMENT
    assert of(Part(Stage.FILES_REVIEW, "0", "failed"), config=config).verdict is Verdict.COMMENT


def test_nothing_is_approved_when_nobody_looked() -> None:
    parts = (Part(Stage.AST, "", "skipped"), Part(Stage.FILES_REVIEW, "", "skipped", SkipReason.NO_MODEL))
    assert of(*parts, config=ReviewConfig(approve_when_clean=True)).verdict is Verdict.COMMENT


def test_a_lost_batch_makes_it_partial_and_names_what_is_missing() -> None:
    result = of(reviewed(finding(5)), Part(Stage.FILES_REVIEW, "1", "given_up", "deadline"), manifest=TWO_BATCHES)
    assert result.partial
    assert result.missed == ("b.py", "c.py")
    text = summary(result, "h" * 40, inline=(), listed=())
    assert "Partly reviewed" in text
    assert "`b.py`" in text
    assert "deadline" in text


def test_a_batch_that_nobody_answered_for_is_missing() -> None:
    assert of(reviewed(finding(5)), manifest=TWO_BATCHES).missed == ("b.py", "c.py")


def test_no_file_is_missing_where_the_whole_file_review_was_not_wanted() -> None:
    skipped = Part(Stage.FILES_REVIEW, "", "skipped", "switched off")
    result = of(skipped, manifest=TWO_BATCHES)
    assert (result.missed, result.partial) == ((), False)


def test_a_missing_analysis_is_said_and_does_not_make_it_partial() -> None:
    result = of(reviewed(finding(5)), Part(Stage.AST, "", "given_up", "no answer within 10 s"))
    assert not result.partial
    assert any("syntax analysis is missing" in note for note in result.notes)


def test_without_a_model_it_says_that_only_structural_rules_looked() -> None:
    parts = (
        Part(Stage.AST, "", "ok", document=AnalysisDocument(findings=(finding(5),))),
        Part(Stage.PR_REVIEW, "", "skipped", SkipReason.NO_MODEL),
        Part(Stage.FILES_REVIEW, "", "skipped", SkipReason.NO_MODEL),
    )
    result = of(*parts)
    assert any("structural rules only" in note for note in result.notes)
    assert not result.partial


def test_a_suggestion_is_offered_only_on_the_exact_lines_of_the_new_side() -> None:
    result = of(reviewed(finding(5, suggestion="a = `1`\n```"), finding(30, suggestion="x = 1", side=Side.LEFT)))
    new, old = result.inline
    assert "````suggestion\na = `1`\n```\n````" in inline_body(new, suggestions=True)
    assert "suggestion\n" not in inline_body(new, suggestions=False)
    assert "suggestion\n" not in inline_body(old, suggestions=True)


def test_the_status_says_how_many_and_how_bad() -> None:
    assert status_line(of(reviewed(finding(5), finding(6, Severity.LOW)))).endswith("(1 high, 1 low)")
    assert "nothing found" in status_line(of(reviewed()))


def test_a_summary_of_very_many_findings_stays_short_and_says_how_many_it_leaves_out() -> None:
    result = of(reviewed(*(finding(line, message="long " * 200) for line in range(100, 900))))
    text = summary(result, "h" * 40, inline=(), listed=result.listed)
    assert len(text) < 60_000
    assert "more" in text.splitlines()[-3]


severities = st.sampled_from(list(Severity))
findings = st.lists(
    st.builds(
        lambda line, severity, path: finding(line, severity, path=path),
        st.integers(1, 50),
        severities,
        st.sampled_from(["app.py", "b.py"]),
    ),
    max_size=20,
)


@given(findings, findings)
def test_every_finding_is_said_exactly_once_whatever_the_order_of_the_parts(
    first: list[Finding], second: list[Finding]
) -> None:
    one = of(reviewed(*first), reviewed(*second, part="1"))
    other = of(reviewed(*second), reviewed(*first, part="1"))
    assert one.inline == other.inline
    assert one.listed == other.listed
    said = [each.fingerprint for each in one.findings]
    assert sorted(said) == sorted({each.fingerprint for each in (*first, *second)})
