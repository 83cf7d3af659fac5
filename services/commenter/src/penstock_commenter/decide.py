"""What is said of a review: pure, from the parts' documents and what was said before. No input, no output, no clock."""

from collections.abc import Iterable, Set
from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase

from penstock_changes.anchors import Anchored, Anchors, Refused
from penstock_changes.documents import AnalysisDocument, ManifestDocument, NotReviewed, ReviewConfig, ReviewDocument
from penstock_changes.findings import Finding
from penstock_changes.fingerprints import fingerprint
from penstock_changes.model import FileChange
from penstock_commenter.identity import inline_id
from penstock_contracts.enums import SkipReason, Stage


class Verdict(StrEnum):
    COMMENT = "COMMENT"
    APPROVE = "APPROVE"
    REQUEST_CHANGES = "REQUEST_CHANGES"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the review, how it ended, and what it brought; `document` is None where it brought nothing."""

    stage: Stage
    part: str
    outcome: str
    reason: str = ""
    document: AnalysisDocument | ReviewDocument | None = None


@dataclass(frozen=True, slots=True)
class Material:
    """All that a review is made of. `partial` is what the orchestrator says of the whole."""

    stream: str
    config: ReviewConfig
    manifest: ManifestDocument | None
    files: tuple[FileChange, ...]
    parts: tuple[Part, ...]
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """Effect ids of inline comments of other runs of this pull request: said, or refused by the platform."""

    sent: Set[str] = frozenset()
    refused: Set[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Placed:
    """A finding with its place in the diff; `exact` when the place is all of the finding's lines."""

    finding: Finding
    place: Anchored
    exact: bool


@dataclass(frozen=True, slots=True)
class Aggregate:
    """What is to be said: inline, in the summary only, and what was left unsaid because it was said before."""

    inline: tuple[Placed, ...]
    listed: tuple[Finding, ...]
    repeated: tuple[Finding, ...]
    verdict: Verdict
    partial: bool
    notes: tuple[str, ...]
    opinions: tuple[str, ...]
    missed: tuple[str, ...]
    not_reviewed: tuple[NotReviewed, ...]
    files: int

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The new ones, the worst first."""
        return tuple(sorted((*(each.finding for each in self.inline), *self.listed), key=_order))


def aggregate(material: Material, said: Said) -> Aggregate:
    """Dedupe, filter, silence, order, place, cap (B15)."""
    config = material.config
    wanted = [each for each in _distinct(_all_findings(material.parts)) if _passes(each, config)]
    ids = {each.fingerprint: inline_id(material.stream, each.fingerprint) for each in wanted}
    fresh = [each for each in wanted if ids[each.fingerprint] not in said.sent]
    placeable = {each.fingerprint for each in fresh if ids[each.fingerprint] not in said.refused}
    inline, listed = _placed(fresh, placeable, Anchors(material.files), config.max_inline_comments)
    missed = _missed(material)
    partial = material.partial or bool(missed)
    return Aggregate(
        inline=inline,
        listed=listed,
        repeated=tuple(each for each in wanted if ids[each.fingerprint] in said.sent),
        verdict=_verdict(wanted, config, whole=not partial and _was_reviewed(material)),
        partial=partial,
        notes=_notes(material),
        opinions=_opinions(material.parts),
        missed=missed,
        not_reviewed=material.manifest.not_reviewed if material.manifest else (),
        files=len(material.manifest.files) if material.manifest else len(material.files),
    )


def inline_ids(material: Material) -> tuple[str, ...]:
    """The ids of the effects by which these findings would be said on their lines."""
    return tuple(inline_id(material.stream, each.fingerprint) for each in _distinct(_all_findings(material.parts)))


def _order(finding: Finding) -> tuple[int, str, int, int, str]:
    return (finding.severity.rank, finding.path, finding.start_line, finding.end_line, finding.rule)


def _all_findings(parts: Iterable[Part]) -> Iterable[Finding]:
    for part in parts:
        if part.document is not None:
            yield from part.document.findings


def _distinct(findings: Iterable[Finding]) -> list[Finding]:
    """One finding for each fingerprint, the worst and surest; in the order in which they are said."""
    best: dict[str, Finding] = {}
    for finding in findings:
        named = finding if finding.fingerprint else _named(finding)
        known = best.get(named.fingerprint)
        if known is None or _weight(named) < _weight(known):
            best[named.fingerprint] = named
    return sorted(best.values(), key=_order)


def _weight(finding: Finding) -> tuple[int, float, str]:
    return (finding.severity.rank, -finding.confidence, finding.message)


def _named(finding: Finding) -> Finding:
    """A finding whose author gave it no fingerprint is the same one while its title and its place stay."""
    place = f"{finding.start_line}-{finding.end_line}"
    return replace(finding, fingerprint=fingerprint(finding.path, finding.rule, (finding.title, place)))


def _passes(finding: Finding, config: ReviewConfig) -> bool:
    ignored = any(fnmatchcase(finding.rule, pattern) for pattern in config.ignore_rules)
    return not ignored and finding.severity.at_least(config.minimum_severity)


def _placed(
    findings: Iterable[Finding], placeable: Set[str], anchors: Anchors, most: int
) -> tuple[tuple[Placed, ...], tuple[Finding, ...]]:
    """Inline what stands in the diff, up to the cap; the rest is listed and nothing is lost."""
    inline: list[Placed] = []
    listed: list[Finding] = []
    for finding in findings:
        room = len(inline) < most and finding.fingerprint in placeable
        placed = _place(finding, anchors) if room else None
        if placed is None:
            listed.append(finding)
        else:
            inline.append(placed)
    return tuple(inline), tuple(listed)


def _place(finding: Finding, anchors: Anchors) -> Placed | None:
    where = (finding.path, finding.side, finding.start_line, finding.end_line)
    exact = anchors.check(*where)
    if isinstance(exact, Anchored):
        return Placed(finding, exact, exact=True)
    part = anchors.fit(*where)
    return None if isinstance(part, Refused) else Placed(finding, part, exact=False)


def _verdict(findings: Iterable[Finding], config: ReviewConfig, *, whole: bool) -> Verdict:
    """A finding that was said before and still stands counts as much as a new one."""
    present = list(findings)
    limit = config.request_changes_at
    if limit is not None and any(each.severity.at_least(limit) for each in present):
        return Verdict.REQUEST_CHANGES
    if config.approve_when_clean and not present and whole:
        return Verdict.APPROVE
    return Verdict.COMMENT


_REVIEWS = (Stage.PR_REVIEW, Stage.FILES_REVIEW)
_GOOD = ("ok", "partial", "skipped")


def _was_reviewed(material: Material) -> bool:
    """Whether anybody looked: an approval needs at least one part that brought something."""
    return any(part.document is not None for part in material.parts)


def _opinions(parts: Iterable[Part]) -> tuple[str, ...]:
    """What was said of the pull request as a whole."""
    return tuple(
        part.document.summary
        for part in parts
        if part.stage is Stage.PR_REVIEW and isinstance(part.document, ReviewDocument) and part.document.summary
    )


def _missed(material: Material) -> tuple[str, ...]:
    """The paths of the batches that were wanted and brought nothing, also of those nobody answered for."""
    parts = {part.part: part for part in material.parts if part.stage is Stage.FILES_REVIEW}
    if material.manifest is None or not parts or "" in parts:
        return ()  # the whole stage was not wanted
    return tuple(
        path
        for index, paths in enumerate(material.manifest.batches)
        if (part := parts.get(str(index))) is None or _is_lost(part)
        for path in paths
    )


def _is_lost(part: Part) -> bool:
    return part.outcome not in _GOOD or (part.outcome != "skipped" and part.document is None)


def _notes(material: Material) -> tuple[str, ...]:
    """What a reader must know about how this review came about, as plain text."""
    notes = list(material.config.notices)
    reviews = [part for part in material.parts if part.stage in _REVIEWS]
    if any(part.reason == SkipReason.NO_MODEL for part in reviews) and all(part.document is None for part in reviews):
        notes.append("No model is configured: this review comes from structural rules only.")
    notes.extend(_note_on_analysis(part) for part in material.parts if part.stage is Stage.AST and _tells(part))
    overview = [part for part in reviews if part.stage is Stage.PR_REVIEW and _is_lost(part)]
    notes.extend(f"The review of the pull request as a whole is missing{_because(part)}." for part in overview)
    lost = [part for part in reviews if part.stage is Stage.FILES_REVIEW and _is_lost(part)]
    notes.extend(f"Part {part.part or '0'} of the file review is missing{_because(part)}." for part in lost)
    return tuple(notes)


def _tells(analysis: Part) -> bool:
    return analysis.document is None or analysis.outcome == "partial"


def _note_on_analysis(part: Part) -> str:
    if part.document is not None:
        return f"The syntax analysis is incomplete{_because(part)}."
    if part.outcome == "skipped":
        return f"The syntax analysis was left out{_because(part)}."
    return f"The syntax analysis is missing{_because(part)}: this review goes without it."


def _because(part: Part) -> str:
    return f" ({part.reason})" if part.reason else ""
