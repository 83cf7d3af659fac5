"""What lies in the blobs that events refer to: the texts too large for an event, as documents that services share.

Each document is written once, by the service named in its docstring, and read by the others. A field added later has a
default, so that a newer and an older process understand each other's blobs.
"""

from dataclasses import dataclass
from typing import TypeVar

import msgspec

from penstock_changes.errors import CorruptDocument
from penstock_changes.findings import Finding, Severity


@dataclass(frozen=True, slots=True)
class ReviewConfig:
    """The repository's configuration as it applies to one run. Written by prepare from the base branch (B2, B3)."""

    automatic: bool = True
    drafts: bool = False
    initial_comment: bool = False
    analysis: bool = True
    pr_review: bool = True
    files_review: bool = True
    analysis_wait: float = 10.0
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    ignore_titles: tuple[str, ...] = ()
    ignore_rules: tuple[str, ...] = ()
    minimum_severity: Severity = Severity.LOW
    max_inline_comments: int = 5
    request_changes_at: Severity | None = None
    approve_when_clean: bool = False
    language: str = "en"
    instructions: str = ""
    batch_files: int = 10
    batch_lines: int = 800
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangedFile:
    path: str
    old_path: str
    status: str
    language: str
    added: int
    removed: int


@dataclass(frozen=True, slots=True)
class NotReviewed:
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class ManifestDocument:
    """What is reviewed and what is not, and the words around it. Written by prepare."""

    head: str
    base: str
    merge_base: str
    title: str
    description: str
    author: str
    files: tuple[ChangedFile, ...]
    not_reviewed: tuple[NotReviewed, ...]
    batches: tuple[tuple[str, ...], ...]
    clone_url: str = ""


@dataclass(frozen=True, slots=True)
class BatchDocument:
    """One batch of the file review: its paths and git's diff of just these. Written by prepare."""

    index: int
    paths: tuple[str, ...]
    diff: str
    title: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Symbol:
    """A function, method or class that the change touches."""

    path: str
    name: str
    kind: str
    change: str
    start_line: int
    end_line: int
    signature: str = ""
    old_signature: str = ""


@dataclass(frozen=True, slots=True)
class AnalysedFile:
    path: str
    status: str
    language: str
    symbols: tuple[Symbol, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class AnalysisDocument:
    """Changed symbols and structural findings. Written by ast."""

    files: tuple[AnalysedFile, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class ReviewDocument:
    """What a model said of the pull request or of one batch, validated. Written by llm-review."""

    summary: str = ""
    findings: tuple[Finding, ...] = ()
    refused: int = 0
    model: str = ""
    not_reviewed: tuple[NotReviewed, ...] = ()


D = TypeVar("D")


def encode_document(document: object) -> bytes:
    return msgspec.json.encode(document)


def decode_document(data: bytes, kind: type[D]) -> D:
    """Raises CorruptDocument."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CorruptDocument(kind=kind.__name__, reason=str(error)) from error
