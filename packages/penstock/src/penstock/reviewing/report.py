"""PURE: what a finished run amounts to, for whoever prints it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from penstock_changes.documents import (
    AnalysedFile,
    AnalysisDocument,
    ManifestDocument,
    NotReviewed,
    ReviewDocument,
    Symbol,
)
from penstock_changes.findings import Finding, Severity
from penstock_commenter.decide import Material, Part, Said, aggregate
from penstock_commenter.texts import status_line
from penstock_contracts.enums import Stage
from penstock_contracts.facts import Usage

_NO_GRAMMAR = "no grammar"
_READ = frozenset({"analysed", "syntax errors"})
_LOST = frozenset({"given_up", "failed"})


@dataclass(frozen=True, slots=True)
class ReportedFile:
    path: str
    status: str
    language: str
    symbols: tuple[Symbol, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """`findings` are ordered from the worst; `failure` says why a review that was wanted is missing."""

    base: str
    head: str
    summary: str
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    opinions: tuple[str, ...] = ()
    files: tuple[ReportedFile, ...] = ()
    not_reviewed: tuple[NotReviewed, ...] = ()
    usage: Usage = field(default_factory=Usage)
    failure: str = ""

    def has(self, limit: Severity) -> bool:
        """A finding at least this severe."""
        return any(finding.severity.at_least(limit) for finding in self.findings)


def nothing_to_review(manifest: ManifestDocument, head: str) -> Report:
    """There is no change, or none that could be reviewed."""
    return Report(
        base=manifest.merge_base,
        head=head,
        summary="Nothing to review" if manifest.files else "Nothing has changed",
        files=_files(manifest, {}),
        not_reviewed=manifest.not_reviewed,
    )


def reviewed(material: Material, manifest: ManifestDocument, usages: Iterable[Usage]) -> Report:
    """With the findings that would be said on a pull request, in their order, and those parts that are missing."""
    whole = aggregate(material, Said())
    analysed = {
        file.path: file
        for part in material.parts
        if isinstance(part.document, AnalysisDocument)
        for file in part.document.files
    }
    missed = (NotReviewed(path, "the review of this file failed") for path in whole.missed)
    skipped = (*whole.not_reviewed, *missed, *_beyond_budget(material.parts), *_unseen(material, manifest, analysed))
    return Report(
        base=manifest.merge_base,
        head=manifest.head,
        summary=status_line(whole),
        findings=whole.findings,
        notes=whole.notes,
        opinions=whole.opinions,
        files=_files(manifest, {path: file.symbols for path, file in analysed.items()}),
        not_reviewed=_each_once(skipped),
        usage=together(usages),
        failure=_failure(material.parts),
    )


def together(usages: Iterable[Usage]) -> Usage:
    """All calls of a run. The model is the one that answered; several are named beside each other."""
    known = [usage for usage in usages if usage.model or usage.calls]
    return Usage(
        model=", ".join(sorted({usage.model for usage in known})),
        calls=sum(usage.calls for usage in known),
        input_tokens=sum(usage.input_tokens for usage in known),
        output_tokens=sum(usage.output_tokens for usage in known),
        cost=sum(usage.cost for usage in known),
    )


def _files(manifest: ManifestDocument, symbols: Mapping[str, tuple[Symbol, ...]]) -> tuple[ReportedFile, ...]:
    return tuple(
        ReportedFile(file.path, file.status, file.language, symbols.get(file.path, ())) for file in manifest.files
    )


def _beyond_budget(parts: Sequence[Part]) -> Iterator[NotReviewed]:
    """Of the file reviews only: what the look at the whole leaves out is still read file by file."""
    for part in parts:
        if part.stage is Stage.FILES_REVIEW and isinstance(part.document, ReviewDocument):
            yield from part.document.not_reviewed


def _unseen(
    material: Material, manifest: ManifestDocument, analysed: Mapping[str, AnalysedFile]
) -> Iterator[NotReviewed]:
    """Where no model looks, only what was analysed is reviewed at all."""
    if any(isinstance(part.document, ReviewDocument) for part in material.parts):
        return
    without = next((part.reason for part in material.parts if part.stage is Stage.AST and part.document is None), "")
    for path in (path for batch in manifest.batches for path in batch):
        status = analysed[path].status if path in analysed else without or _NO_GRAMMAR
        if status not in _READ:
            yield NotReviewed(path, f"no model looked, and the structural rules did not either: {status}")


def _each_once(entries: Iterable[NotReviewed]) -> tuple[NotReviewed, ...]:
    """The first reason of each path, in the order of the paths."""
    reasons: dict[str, NotReviewed] = {}
    for entry in entries:
        reasons.setdefault(entry.path, entry)
    return tuple(reasons[path] for path in sorted(reasons))


def _failure(parts: Sequence[Part]) -> str:
    """The analysis is an extra where a model looked; where none did it is all there is."""
    reviews = [part for part in parts if part.stage is not Stage.AST]
    lost = [part for part in reviews if part.outcome in _LOST]
    if not lost and all(part.document is None for part in reviews):
        lost = [part for part in parts if part.outcome in _LOST]
    return "; ".join(sorted({part.reason or f"{part.stage} brought nothing" for part in lost}))
