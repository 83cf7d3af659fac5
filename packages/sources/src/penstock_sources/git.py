"""git as a program: one folder, one environment, its messages turned into our errors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from penstock_sources.errors import (
    AccessRefused,
    CommitNotFound,
    GitFailed,
    SourceError,
    SourceThrottled,
    SourceTooLarge,
    SourceUnavailable,
)
from penstock_sources.process import Completed, run

_SMALL_OUTPUT = 16 * 1024 * 1024
_TOLD_CHARACTERS = 300


class NotOffered(CommitNotFound):
    """The server hands out only what its branches point to: {detail}."""


class NoMergeBase(GitFailed):
    """The two commits share no history: {detail}."""


class CorruptRepository(SourceUnavailable):
    """The copy of the repository on this disk is damaged: {detail}."""


_MESSAGES: tuple[tuple[type[SourceError], re.Pattern[str]], ...] = tuple(
    (error, re.compile(pattern, re.IGNORECASE))
    for error, pattern in (
        (SourceTooLarge, r"died of signal 25|file too large|exceeds maximum allowed size"),
        (
            SourceUnavailable,
            r"no space left|git: (not found|no such file)|unable to create '.*\.lock'|cannot lock ref|cannot allocate",
        ),
        (NotOffered, r"does not allow request for unadvertised object"),
        (NoMergeBase, r"no merge base"),
        (SourceThrottled, r"returned error: 429|too many requests"),
        (
            AccessRefused,
            r"authentication failed|could not read (username|password)|terminal prompts disabled|dubious ownership"
            r"|returned error: 401|permission denied|repository '.*' not found|returned error: 404"
            r"|does not appear to be a git repository|access denied|transport '.*' not allowed",
        ),
        (
            CommitNotFound,
            r"not our ref|couldn't find remote ref|bad revision|unknown revision|not a valid (object|commit)"
            r"|nonexistent object|remote did not send all necessary objects|invalid symmetric difference",
        ),
        (
            CorruptRepository,
            r"object file .* is empty|is corrupt|bad (tree )?object|not a git repository|packfile .* (cannot|invalid)"
            r"|unable to read|inflate|bad config|invalid object|missing (blob|tree|commit)|index file .* too small",
        ),
        (
            SourceUnavailable,
            r"could not resolve|failed to connect|couldn't connect|connection (refused|reset|timed out|was reset)"
            r"|timed out|timeout|early eof|rpc failed|hung up|unexpected disconnect|ssl|tls|certificate|too slow"
            r"|empty reply|could not fetch|unable to access|returned error: 5|broken pipe|proxy|expected flush",
        ),
    )
)

_FORBIDDEN = "returned error: 403"
_WHY_FORBIDDEN: tuple[tuple[type[SourceError], re.Pattern[str]], ...] = tuple(
    (error, re.compile(pattern, re.IGNORECASE))
    for error, pattern in (
        (SourceThrottled, r"rate limit|too many requests|abuse detection"),
        (
            AccessRefused,
            r"permission|not granted|denied|credential|password|token|authori[sz]|\bsso\b|allow list|suspended|disabled"
            r"|blocked",
        ),
    )
)


@dataclass(frozen=True, slots=True)
class Git:
    """`seconds` bounds every command, `file_bytes` every file it writes.

    `held` are files that git and its children keep open: the lock of a mirror.
    """

    folder: Path
    environment: Mapping[str, str]
    seconds: float
    held: tuple[int, ...] = ()
    file_bytes: int | None = None

    async def run(
        self,
        *arguments: str,
        given: bytes = b"",
        output_bytes: int = _SMALL_OUTPUT,
        expected: tuple[int, ...] = (0,),
        extra: Mapping[str, str] | None = None,
    ) -> Completed:
        """Raises a SourceError for another status than the expected ones; `extra` joins the environment."""
        completed = await run(
            (*_bounded(self.file_bytes), "git", *arguments),
            folder=self.folder,
            environment={**self.environment, **(extra or {})},
            seconds=self.seconds,
            output_bytes=output_bytes,
            given=given,
            held=self.held,
        )
        if completed.status not in expected:
            raise translated(arguments[0], completed)
        return completed


def translated(command: str, completed: Completed) -> SourceError:
    """What git's words mean: it ends with one status whatever failed, so that there is no type to go by. What the
    server says in `remote:` lines is not git's word, and is read for a 403 alone, by which GitHub also slows down who
    asks too often. Where they do not blame the credential, a 403 may pass."""
    lines = [line.strip() for line in completed.errors.splitlines() if line.strip()]
    own = [line for line in lines if not line.startswith(("remote:", "warning:", "hint:"))]
    said = "\n".join(own)
    told = " / ".join(own)[:_TOLD_CHARACTERS] or f"git {command} ended with status {completed.status}"
    if _FORBIDDEN in said:
        remote = "\n".join(line for line in lines if line.startswith("remote:"))
        error = _meaning(remote, _WHY_FORBIDDEN, SourceUnavailable)
    else:
        error = _meaning(said, _MESSAGES, GitFailed)
    return error(re.sub(r"//[^/@\s]+@", "//", told))


def _meaning(
    said: str, known: Iterable[tuple[type[SourceError], re.Pattern[str]]], otherwise: type[SourceError]
) -> type[SourceError]:
    return next((error for error, pattern in known if pattern.search(said)), otherwise)


def _bounded(file_bytes: int | None) -> tuple[str, ...]:
    """A pack is one file: the limit on the size of a file is the only one that stops a transfer while it runs."""
    if file_bytes is None:
        return ()
    return ("/bin/sh", "-c", 'ulimit -f "$0" && exec "$@"', str(max(1, file_bytes // 512)))
