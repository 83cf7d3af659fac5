"""What a finished run amounts to."""

from penstock.reviewing.report import nothing_to_review, reviewed, together
from penstock_changes.documents import (
    AnalysedFile,
    AnalysisDocument,
    ChangedFile,
    ManifestDocument,
    NotReviewed,
    ReviewConfig,
    ReviewDocument,
)
from penstock_changes.findings import Category, Finding, Severity
from penstock_commenter.decide import Material, Part
from penstock_contracts.enums import SkipReason, Stage
from penstock_contracts.facts import Usage

FILES = ("a.py", "b.go")
MANIFEST = ManifestDocument(
    head="head",
    base="base",
    merge_base="left here",
    title="",
    description="",
    author="",
    files=tuple(ChangedFile(path, path, "modified", "", 1, 0) for path in FILES),
    not_reviewed=(NotReviewed("z.png", "binary"),),
    batches=(("a.py",), ("b.go",)),
)
ANALYSIS = Part(
    Stage.AST,
    "",
    "ok",
    document=AnalysisDocument((AnalysedFile("a.py", "analysed", "python"), AnalysedFile("b.go", "no grammar", "go"))),
)
NO_MODEL = tuple(
    Part(stage, part, "skipped", SkipReason.NO_MODEL)
    for stage, part in ((Stage.PR_REVIEW, ""), (Stage.FILES_REVIEW, "0"), (Stage.FILES_REVIEW, "1"))
)
GOOD = (
    Part(Stage.PR_REVIEW, "", "ok", document=ReviewDocument("Fine.")),
    Part(Stage.FILES_REVIEW, "0", "ok", document=ReviewDocument()),
)
LOST = Part(Stage.FILES_REVIEW, "1", "given_up", "the model was away")


def material(*parts: Part) -> Material:
    return Material("stream", ReviewConfig(), MANIFEST, (), parts)


def reasons(*parts: Part) -> dict[str, str]:
    return {each.path: each.reason for each in reviewed(material(*parts), MANIFEST, ()).not_reviewed}


def test_the_base_is_where_the_change_began() -> None:
    report = reviewed(material(ANALYSIS), MANIFEST, ())
    assert (report.base, report.head) == ("left here", "head")


def test_without_a_model_files_without_a_grammar_are_not_reviewed() -> None:
    unseen = "no model looked, and the structural rules did not either"
    assert reasons(ANALYSIS, *NO_MODEL) == {"b.go": f"{unseen}: no grammar", "z.png": "binary"}
    off = Part(Stage.AST, "", "skipped", "analysis is off")
    assert reasons(off, *NO_MODEL) == dict.fromkeys(FILES, f"{unseen}: analysis is off") | {"z.png": "binary"}


def test_with_a_model_every_file_of_a_batch_is_reviewed() -> None:
    last = Part(Stage.FILES_REVIEW, "1", "ok", document=ReviewDocument())
    assert reasons(ANALYSIS, *GOOD, last) == {"z.png": "binary"}


def test_a_batch_that_was_given_up_is_not_reviewed_and_fails_the_review() -> None:
    assert reasons(ANALYSIS, *GOOD, LOST) == {"b.go": "the review of this file failed", "z.png": "binary"}
    assert reviewed(material(ANALYSIS, *GOOD, LOST), MANIFEST, ()).failure == "the model was away"


def test_what_did_not_fit_into_a_prompt_is_not_reviewed() -> None:
    partial = Part(
        Stage.FILES_REVIEW, "1", "partial", "", ReviewDocument(not_reviewed=(NotReviewed("b.go", "budget"),))
    )
    assert reasons(ANALYSIS, *GOOD, partial)["b.go"] == "budget"


def test_a_lost_analysis_fails_the_review_only_where_nobody_else_looked() -> None:
    lost = Part(Stage.AST, "", "given_up", "it crashed")
    last = Part(Stage.FILES_REVIEW, "1", "ok", document=ReviewDocument())
    assert reviewed(material(lost, *GOOD, last), MANIFEST, ()).failure == ""
    assert reviewed(material(lost, *NO_MODEL), MANIFEST, ()).failure == "it crashed"


def test_no_finding_is_capped_as_inline_comments_are() -> None:
    found = tuple(
        Finding(
            path="a.py",
            start_line=line,
            end_line=line,
            category=Category.BUG,
            severity=Severity.LOW,
            rule="rule",
            title=str(line),
            message="m",
            source="ast",
        )
        for line in range(1, 30)
    )
    report = reviewed(material(Part(Stage.AST, "", "ok", document=AnalysisDocument((), found))), MANIFEST, ())
    assert len(report.findings) == 29
    assert (report.has(Severity.LOW), report.has(Severity.MEDIUM)) == (True, False)


def test_usages_add_up() -> None:
    spent = (Usage("tiny", 1, 10, 5, 0.5), Usage(), Usage("tiny", 2, 20, 1, 0.25))
    assert together(spent) == Usage("tiny", 3, 30, 6, 0.75)
    assert together(()) == Usage()


def test_a_change_without_anything_reviewable_still_lists_its_files() -> None:
    report = nothing_to_review(MANIFEST, "head")
    assert [file.path for file in report.files] == list(FILES)
    assert [each.path for each in report.not_reviewed] == ["z.png"]
    assert report.summary == "Nothing to review"
