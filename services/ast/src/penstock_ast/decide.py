"""PURE: which files are analysed with which texts, and what the results amount to."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from penstock_ast.languages import grammar_of
from penstock_ast.task import FileResult, FileState, FileTask
from penstock_changes.batches import LeftOutReason
from penstock_changes.documents import AnalysedFile, AnalysisDocument, ManifestDocument
from penstock_changes.languages import language_of
from penstock_changes.model import ChangeStatus, ContentKind, FileChange, LineKind, Side
from penstock_contracts.enums import AnswerOutcome
from penstock_contracts.facts import AstCompleted

Texts = Mapping[str, bytes | None]
FOREIGN_BASE = "the text before the change does not fit the diff"


@dataclass(frozen=True, slots=True)
class AnalysisLimits:
    """`file_bytes` bounds one side of one file, `files` how many files of a change are analysed."""

    file_bytes: int = 512 * 1024
    files: int = 1000


@dataclass(frozen=True, slots=True)
class Plan:
    """The files that can be analysed, and those that cannot with the reason already said."""

    wanted: tuple[FileChange, ...]
    refused: tuple[AnalysedFile, ...]


def plan(changes: Iterable[FileChange], limits: AnalysisLimits) -> Plan:
    """In the order of the paths. Only text files of a language with a grammar are read at all."""
    wanted: list[FileChange] = []
    refused: list[AnalysedFile] = []
    for change in sorted(changes, key=lambda change: change.path):
        state = _refusal(change, len(wanted), limits)
        if state is None:
            wanted.append(change)
        else:
            refused.append(AnalysedFile(path=change.path, status=state.value, language=language_name(change.path)))
    return Plan(tuple(wanted), tuple(refused))


def covered(changes: Iterable[FileChange], manifest: ManifestDocument) -> tuple[FileChange, ...]:
    """Without what the repository does not want to be looked at, and what nobody wrote by hand."""
    unwanted = {
        file.path
        for file in manifest.not_reviewed
        if file.reason in (LeftOutReason.FILTERED.value, LeftOutReason.GENERATED.value)
    }
    return tuple(change for change in changes if change.path not in unwanted)


def language_name(path: str) -> str:
    language = language_of(path)
    return language.value if language else ""


def paths_before(changes: Iterable[FileChange]) -> tuple[str, ...]:
    """Whose texts are needed from the side before the change."""
    return tuple(change.old_path for change in changes if change.status is not ChangeStatus.ADDED)


def paths_after(changes: Iterable[FileChange]) -> tuple[str, ...]:
    return tuple(change.path for change in changes if change.status is not ChangeStatus.DELETED)


def tasks(
    changes: Sequence[FileChange], before: Texts, after: Texts, limits: AnalysisLimits
) -> tuple[tuple[FileTask, ...], tuple[AnalysedFile, ...]]:
    """The tasks for which there is a text of acceptable size, and the files for which there is none."""
    ready: list[FileTask] = []
    refused: list[AnalysedFile] = []
    for change in changes:
        state, task = _task(change, before, after, limits)
        if task is None:
            refused.append(AnalysedFile(path=change.path, status=state.value, language=language_name(change.path)))
        else:
            ready.append(task)
    return tuple(ready), tuple(refused)


def assemble(results: Iterable[FileResult], refused: Iterable[AnalysedFile]) -> AnalysisDocument:
    """The document: the same for the same change, in whatever order the results came."""
    finished = sorted(results, key=lambda result: result.file.path)
    files = sorted([result.file for result in finished] + list(refused), key=lambda file: file.path)
    return AnalysisDocument(tuple(files), tuple(finding for result in finished for finding in result.findings))


def answer(document: AnalysisDocument, blob: str) -> AstCompleted:
    """Skipped when no file could be analysed for want of a grammar, partial when a file with a grammar was not."""
    counts = Counter(file.status for file in document.files)
    read = counts[FileState.ANALYSED] + counts[FileState.SYNTAX_ERRORS]
    missing = len(document.files) - read - counts[FileState.NO_GRAMMAR]
    outcome, reason = AnswerOutcome.OK, ""
    if missing:
        outcome, reason = AnswerOutcome.PARTIAL, f"{missing} of {read + missing} files could not be analysed"
    elif not read:
        outcome, reason = AnswerOutcome.SKIPPED, "no file with a grammar"
    return AstCompleted(
        outcome=outcome,
        reason=reason,
        blob=blob,
        symbols=sum(len(file.symbols) for file in document.files),
        findings=len(document.findings),
        files=read,
    )


def _refusal(change: FileChange, taken: int, limits: AnalysisLimits) -> FileState | None:
    if change.content is not ContentKind.TEXT or grammar_of(language_name(change.path)) is None:
        return FileState.NO_GRAMMAR
    return FileState.TOO_LARGE if taken >= limits.files else None


def _task(change: FileChange, before: Texts, after: Texts, limits: AnalysisLimits) -> tuple[FileState, FileTask | None]:
    old = None if change.status is ChangeStatus.ADDED else before.get(change.old_path)
    new = None if change.status is ChangeStatus.DELETED else after.get(change.path)
    if (old is None and new is None) or (new is None and change.status is not ChangeStatus.DELETED):
        return FileState.NO_TEXT, None
    if max(len(old or b""), len(new or b"")) > limits.file_bytes:
        return FileState.TOO_LARGE, None
    old_text, new_text = _decoded(old), _decoded(new)
    missing = change.status is not ChangeStatus.ADDED and not _fits(change, old_text)
    return FileState.ANALYSED, FileTask(
        path=change.path,
        language=language_name(change.path),
        before=None if missing else old_text,
        after=new_text,
        added=tuple(sorted(change.added_numbers())),
        removed=_removed(change),
        note=FOREIGN_BASE if missing else "",
    )


def _decoded(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode("utf-8", errors="replace")


def _removed(change: FileChange) -> tuple[int, ...]:
    numbers = (line.old_number for line in change.lines() if line.kind is LineKind.REMOVED and line.old_number)
    return tuple(sorted(numbers))


def _fits(change: FileChange, text: str | None) -> bool:
    """An incremental diff counts from another commit than the diff of a file that the last review missed, so the text
    before the change may be of a commit that the hunks do not speak of."""
    if text is None:
        return False
    lines = text.split("\n")
    for line in change.lines():
        number = line.number(Side.LEFT)
        if number is not None and (number > len(lines) or lines[number - 1] != line.text):
            return False
    return True
