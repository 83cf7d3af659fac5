"""A finding: one thing that a reviewer, a rule or a model has to say about some lines; and how findings are stored."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from penstock_changes.errors import CorruptFindings, InvalidFinding
from penstock_changes.model import Side


class Category(StrEnum):
    BUG = "bug"
    PERFORMANCE = "performance"
    SECURITY = "security"
    BUSINESS_LOGIC = "business_logic"
    MAINTAINABILITY = "maintainability"
    CUSTOM_RULE = "custom_rule"


class Severity(StrEnum):
    """From the worst to the mildest."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)

    def at_least(self, other: "Severity") -> bool:
        return self.rank <= other.rank


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Raises InvalidFinding when its lines, its confidence or its texts cannot be."""

    path: str
    start_line: int
    end_line: int
    category: Category
    severity: Severity
    rule: str
    title: str
    message: str
    source: str
    side: Side = Side.RIGHT
    suggestion: str | None = None
    confidence: float = 1.0
    fingerprint: str = ""

    def __post_init__(self) -> None:
        if not self.path:
            raise InvalidFinding(field="path", reason="it is empty")
        if self.start_line < 1:
            raise InvalidFinding(field="start_line", reason="lines are counted from 1")
        if self.end_line < self.start_line:
            raise InvalidFinding(field="end_line", reason="it lies before start_line")
        if not 0.0 <= self.confidence <= 1.0:
            raise InvalidFinding(field="confidence", reason="it lies outside 0 to 1")
        for name in ("path", "rule", "title", "message", "suggestion", "source"):
            _refuse_surrogates(name, getattr(self, name) or "")


def encode_findings(findings: Iterable[Finding]) -> bytes:
    return msgspec.json.encode(tuple(findings))


def decode_findings(data: bytes) -> tuple[Finding, ...]:
    """Raises CorruptFindings."""
    try:
        return msgspec.json.decode(data, type=tuple[Finding, ...])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CorruptFindings(reason=str(error)) from error


def _refuse_surrogates(name: str, text: str) -> None:
    """Half a surrogate pair cannot be stored or sent; a model's JSON may contain one."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidFinding(field=name, reason="it contains half a surrogate pair") from error
