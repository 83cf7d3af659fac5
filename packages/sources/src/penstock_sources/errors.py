"""Everything that goes wrong between us and a repository.

    SourceError
    ├── SourceUnavailable   the server or the network did not answer as it should   transient
    ├── SourceTimeout       git, or the wait for the mirror, took too long          transient
    ├── SourceThrottled     the server wants to be asked less often                 rate_limited
    ├── AccessRefused       the credential is missing, wrong or too weak            permanent
    ├── CommitNotFound      the repository has no such commit                       permanent
    ├── SourceTooLarge      more than the limits allow                              permanent
    ├── InvalidRevision     not a name of a commit that is safe to hand to git      permanent
    ├── InvalidRepository   a clone URL that is not used                            permanent
    └── GitFailed           git said something that nobody foresaw                  unknown

The class alone decides how an error is classified. The docstring is the message; none carries a credential.
"""

from __future__ import annotations

from typing import ClassVar

from penstock_contracts.enums import ErrorClassification


class SourceError(Exception):
    """The repository could not be read: {detail}."""

    classification: ClassVar[ErrorClassification] = ErrorClassification.UNKNOWN

    def __init__(self, detail: str) -> None:
        self.detail = detail
        super().__init__((type(self).__doc__ or "{detail}").format(detail=detail))


class SourceUnavailable(SourceError):
    """The repository cannot be reached now: {detail}."""

    classification = ErrorClassification.TRANSIENT


class SourceTimeout(SourceError):
    """The repository took too long: {detail}."""

    classification = ErrorClassification.TRANSIENT


class SourceThrottled(SourceError):
    """The server wants to be asked less often: {detail}."""

    classification = ErrorClassification.RATE_LIMITED


class AccessRefused(SourceError):
    """The repository may not be read with this credential: {detail}."""

    classification = ErrorClassification.PERMANENT


class CommitNotFound(SourceError):
    """The repository has no such commit: {detail}."""

    classification = ErrorClassification.PERMANENT


class SourceTooLarge(SourceError):
    """More than the limits allow: {detail}."""

    classification = ErrorClassification.PERMANENT


class InvalidRevision(SourceError):
    """Not a commit that can be asked for: {detail}."""

    classification = ErrorClassification.PERMANENT


class InvalidRepository(SourceError):
    """Not a repository that can be read: {detail}."""

    classification = ErrorClassification.PERMANENT


class GitFailed(SourceError):
    """git failed: {detail}."""
