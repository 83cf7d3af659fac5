"""PURE: whether a pull request is reviewed, which of its files in which batches, and what the answer says."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from penstock_changes.batches import Batch, BatchLimits, LeftOut, LeftOutReason, Split, split
from penstock_changes.documents import (
    BatchDocument,
    ChangedFile,
    ManifestDocument,
    NotReviewed,
    ReviewConfig,
)
from penstock_changes.languages import Language, language_of
from penstock_changes.model import ContentKind, FileChange
from penstock_changes.paths import PathFilter
from penstock_contracts.enums import PullRequestKind, SkipReason, Stage
from penstock_contracts.facts import Unwanted
from penstock_prepare.change import Change

CONFIGURATION = ".penstock.yaml"
LARGEST_CONFIGURATION = 64 * 1024
NOTHING_TO_REVIEW = "no reviewable changes"
# What the analysis has a grammar for; services do not import each other, so a test holds this and its table together.
ANALYSED = frozenset({Language.PYTHON})
# Their names and blobs have to fit into one event of 64 KiB.
MOST_BATCHES = 300


@dataclass(frozen=True, slots=True)
class Words:
    """The words around a change, as the platform has them."""

    title: str
    description: str
    author: str
    draft: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no review; `announce` says it on the pull request too."""

    reason: str
    announce: bool


def gate(
    words: Words, config: ReviewConfig, kind: PullRequestKind, ignored_authors: Iterable[str] = ()
) -> Refusal | None:
    """None where the pull request is reviewed. A person who asks for a review by command is not refused one."""
    if kind is PullRequestKind.COMMAND:
        return None
    if not config.automatic:
        return Refusal(SkipReason.AUTOMATIC_OFF.value, announce=False)
    if words.author.lower() in {author.lower() for author in ignored_authors}:
        return Refusal("the author is not reviewed", announce=False)
    if words.draft and not config.drafts:
        return Refusal(SkipReason.DRAFT.value, announce=False)
    if any(_title_matches(words.title, pattern) for pattern in config.ignore_titles):
        return Refusal("the title says that no review is wanted", announce=True)
    return None


def _title_matches(title: str, pattern: str) -> bool:
    """A pattern without a wildcard is looked for anywhere in the title."""
    title, pattern = title.lower(), pattern.lower()
    return fnmatchcase(title, pattern) if any(mark in pattern for mark in "*?") else pattern in title


def batches(change: Change, config: ReviewConfig) -> Split:
    limits = BatchLimits(files=config.batch_files, changed_lines=config.batch_lines)
    found = split(change.files, limits, PathFilter(config.include, config.exclude))
    late = [LeftOut(path, LeftOutReason.TOO_MANY) for batch in found.batches[MOST_BATCHES:] for path in batch.paths]
    return Split(found.batches[:MOST_BATCHES], (*found.left_out, *late))


def batch_document(batch: Batch, change: Change, words: Words) -> BatchDocument:
    diff = "".join(change.texts[path] for path in batch.paths)
    return BatchDocument(batch.index, batch.paths, diff, words.title, words.description)


def manifest(
    files: Sequence[FileChange], found: Split, words: Words, *, head: str, base: str, merge_base: str, clone_url: str
) -> ManifestDocument:
    """`files` are those of the whole change, also where only a part of it is reviewed this time."""
    return ManifestDocument(
        head=head,
        base=base,
        merge_base=merge_base,
        title=words.title,
        description=words.description,
        author=words.author,
        files=tuple(_changed_file(file) for file in sorted(files, key=lambda file: file.path)),
        not_reviewed=tuple(NotReviewed(left.path, left.reason.value) for left in found.left_out),
        batches=tuple(batch.paths for batch in found.batches),
        clone_url=clone_url,
    )


def manifest_hash(blobs: Iterable[str]) -> str:
    """Of the batches' blobs in their order: equal exactly when the same is to be reviewed."""
    return hashlib.sha256("\n".join(blobs).encode()).hexdigest()


def unwanted(config: ReviewConfig, files: Iterable[FileChange]) -> tuple[Unwanted, ...]:
    """The heavy stages that are not asked for, each with its reason."""
    readable = any(file.content is ContentKind.TEXT and language_of(file.path) in ANALYSED for file in files)
    reasons = {
        Stage.AST: "analysis is off" if not config.analysis else "" if readable else "no file with a grammar",
        Stage.PR_REVIEW: "" if config.pr_review else "review of the whole is off",
        Stage.FILES_REVIEW: "" if config.files_review else "review of the files is off",
    }
    return tuple(Unwanted(stage, reason) for stage, reason in reasons.items() if reason)


def _changed_file(file: FileChange) -> ChangedFile:
    language = language_of(file.path)
    return ChangedFile(
        path=file.path,
        old_path=file.old_path,
        status=file.status.value,
        language=language.value if language else "",
        added=file.added_lines,
        removed=file.removed_lines,
    )
