"""PURE: what a model said becomes findings of the declared form on lines of the diff, or is refused and counted.

Each finding is judged alone: one that is malformed takes none of its siblings with it, and of an answer that was cut
off in the middle everything before the cut is kept.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from penstock_changes.anchors import Anchored, Anchors
from penstock_changes.errors import InvalidFinding
from penstock_changes.findings import Category, Finding, Severity
from penstock_changes.fingerprints import with_fingerprints
from penstock_changes.model import FileChange, LineKind, Side
from penstock_llm_review.errors import AnswerUnusable
from penstock_llm_review.redact import PLACEHOLDER, redact

SOURCE = "model"
_MOST_FINDINGS = 50
_FINDINGS = re.compile(r'"findings"\s*:\s*\[')
_SUMMARY = re.compile(r'"summary"\s*:\s*("(?:[^"\\]|\\.)*")')
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")
_SUMMARY_CHARACTERS = 2000


def _cleaned(value: object) -> object:
    """Without control and direction marks, which make a text look other than it is."""
    return _CONTROL.sub("", value).strip("\n") if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.strip().lower().replace(" ", "_") if isinstance(value, str) else value


def _upper(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


class SaidFinding(BaseModel):
    """One finding as the model writes it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    path: Annotated[str, Field(min_length=1)]
    start_line: Annotated[int, Field(ge=1)]
    end_line: Annotated[int, Field(ge=1)] | None = None
    side: Annotated[Side, BeforeValidator(_upper)] = Side.RIGHT
    category: Annotated[Category, BeforeValidator(_lower)]
    severity: Annotated[Severity, BeforeValidator(_lower)]
    title: Annotated[str, BeforeValidator(_cleaned), Field(min_length=1, max_length=300)]
    message: Annotated[str, BeforeValidator(_cleaned), Field(min_length=1, max_length=6000)]
    suggestion: Annotated[str | None, Field(max_length=10_000)] = None
    confidence: Annotated[float, Field(ge=0, le=1)] = 0.5


@dataclass(frozen=True, slots=True)
class Reading:
    """What is left of an answer."""

    summary: str
    findings: tuple[Finding, ...]
    refused: int


def read(text: str, changes: Sequence[FileChange]) -> Reading:
    """Raises AnswerUnusable when nothing of the agreed form is in it."""
    summary, items = _parts(text)
    anchors = Anchors(changes)
    kept = [found for item in items[:_MOST_FINDINGS] if (found := _finding(item, anchors, changes)) is not None]
    once = {(each.path, each.side, each.start_line, each.category, each.title): each for each in reversed(kept)}
    ordered = sorted(once.values(), key=lambda each: (each.path, each.start_line, each.end_line, each.severity.rank))
    findings = with_fingerprints(ordered, lambda finding: _lines(finding, changes))
    return Reading(redact(summary), findings, refused=len(items) - len(kept))


def _parts(text: str) -> tuple[str, list[object]]:
    """The summary and the findings, of whole JSON or of one that was cut off."""
    start = text.find("{")
    if start < 0:
        raise AnswerUnusable("no JSON object")
    try:
        whole, _ = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        return _cut_off(text)
    findings = whole.get("findings", [])
    if not isinstance(findings, list) or ("findings" not in whole and "summary" not in whole):
        raise AnswerUnusable("no list of findings")
    summary = whole.get("summary")
    return _summary(summary if isinstance(summary, str) else ""), findings


def _cut_off(text: str) -> tuple[str, list[object]]:
    begin = _FINDINGS.search(text)
    if begin is None:
        raise AnswerUnusable("broken JSON")
    return _summary_before(text[: begin.start()]), list(_items(text, begin.end()))


def _summary_before(text: str) -> str:
    said = _SUMMARY.search(text)
    try:
        return _summary(json.loads(said.group(1), strict=False)) if said else ""
    except ValueError:
        return ""


def _items(text: str, position: int) -> Iterator[object]:
    decoder = json.JSONDecoder(strict=False)
    while (position := text.find("{", position)) >= 0:
        try:
            item, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            return
        yield item


def _summary(text: str) -> str:
    return _CONTROL.sub("", text).strip()[:_SUMMARY_CHARACTERS]


def _finding(item: object, anchors: Anchors, changes: Sequence[FileChange]) -> Finding | None:
    """None for what has not the declared form, or lies on no changed line of these files."""
    try:
        said = SaidFinding.model_validate(item)
    except ValidationError:
        return None
    place = anchors.fit(said.path, said.side, said.start_line, said.end_line or said.start_line)
    if not isinstance(place, Anchored) or not _touches_change(place, changes):
        return None
    whole = place.start_line == said.start_line and place.end_line == (said.end_line or said.start_line)
    try:
        return Finding(
            path=said.path,
            start_line=place.start_line,
            end_line=place.end_line,
            side=said.side,
            category=said.category,
            severity=said.severity,
            rule=f"model-{said.category.value.replace('_', '-')}",
            title=redact(said.title),
            message=redact(said.message),
            suggestion=_suggestion(said, whole),
            confidence=said.confidence,
            source=SOURCE,
        )
    except InvalidFinding:
        return None


def _suggestion(said: SaidFinding, whole: bool) -> str | None:
    """None where it would not replace exactly the lines it was written for, or would write the placeholder of a secret
    into the code."""
    text = said.suggestion
    if not whole or said.side is Side.LEFT or text is None or PLACEHOLDER in redact(text) or _CONTROL.search(text):
        return None
    return text


def _touches_change(place: Anchored, changes: Sequence[FileChange]) -> bool:
    return any(
        line.kind is not LineKind.CONTEXT and place.start_line <= (line.number(place.side) or 0) <= place.end_line
        for change in changes
        if change.path == place.path
        for line in change.lines()
    )


def _lines(finding: Finding, changes: Sequence[FileChange]) -> list[str]:
    return [
        line.text
        for change in changes
        if change.path == finding.path
        for line in change.lines()
        if finding.start_line <= (line.number(finding.side) or 0) <= finding.end_line
    ]
