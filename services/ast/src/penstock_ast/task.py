"""One file to analyse, and what came of it: small enough to travel to a worker process and back."""

from dataclasses import dataclass
from enum import StrEnum

from penstock_changes.documents import AnalysedFile
from penstock_changes.findings import Finding


class FileState(StrEnum):
    """How the analysis of a file ended."""

    ANALYSED = "analysed"
    SYNTAX_ERRORS = "syntax errors"
    NO_GRAMMAR = "no grammar"
    NO_TEXT = "no text"
    TOO_LARGE = "too large"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class FileTask:
    """`before` and `after` are None where the file is not on that side; `added` and `removed` number its changed lines
    in ascending order, the added ones in `after`, the removed ones in `before`."""

    path: str
    language: str
    before: str | None
    after: str | None
    added: tuple[int, ...]
    removed: tuple[int, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class FileResult:
    file: AnalysedFile
    findings: tuple[Finding, ...] = ()


def without_analysis(task: FileTask, state: FileState, note: str = "") -> FileResult:
    """What is said of a file that could not be analysed."""
    return FileResult(AnalysedFile(path=task.path, status=state.value, language=task.language, note=note))
