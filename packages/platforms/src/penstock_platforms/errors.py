"""Everything that goes wrong between us and a platform.

    PlatformError
    ├── NotSent             the request never left                                  transient
    ├── AnswerLost          it left, no whole answer came back                      transient
    │   └── MaybeSent       … and it was a write: it may have been carried out      transient
    ├── ServerFailed        a read was answered with 408 or 5xx                     transient
    ├── RateLimited         429, or 403 with Retry-After or an empty allowance      rate-limited
    ├── RequestRefused      any other 4xx                                           permanent
    │   ├── NotFound        404, 410
    │   ├── NotAuthorised   401, 403
    │   └── AnchorsRefused  a review refused whole for the place of a comment
    ├── AnswerUnreadable    the answer to a read is not what was agreed             permanent
    └── WebhookError
        ├── SignatureMissing    nothing to verify, or only an algorithm we refuse   permanent
        ├── SignatureInvalid    no valid secret gives this signature                permanent
        └── Malformed           not the body the platform promises                  poison

The class alone decides how an error is classified; no text is looked at after it was raised.
A write answered with 408, 5xx or rubbish is `MaybeSent`: a gateway's 502 says nothing about what stands behind it.
"""

from __future__ import annotations

from typing import ClassVar

from penstock_contracts.enums import ErrorClassification


class PlatformError(Exception):
    """The platform could not do what it was asked."""

    classification: ClassVar[ErrorClassification] = ErrorClassification.UNKNOWN

    def __init__(self, detail: str = "", *, status: int | None = None, retry_after: float | None = None) -> None:
        self.detail = detail
        self.status = status
        self.retry_after = retry_after
        """Seconds from now until the platform wants to hear from us again, where it said so."""
        super().__init__(detail)

    def __str__(self) -> str:
        said = (type(self).__doc__ or "").strip()
        code = f" [{self.status}]" if self.status is not None else ""
        return f"{said.removesuffix('.')}{code}: {self.detail}" if self.detail else f"{said}{code}"


class NotSent(PlatformError):
    """The request never left: nothing has happened at the platform."""

    classification = ErrorClassification.TRANSIENT


class AnswerLost(PlatformError):
    """The request left and no whole answer came back."""

    classification = ErrorClassification.TRANSIENT


class MaybeSent(AnswerLost):
    """The write left and no clear answer came back: it may have been carried out."""


class ServerFailed(PlatformError):
    """The platform failed to answer a read."""

    classification = ErrorClassification.TRANSIENT


class RateLimited(PlatformError):
    """The platform wants to be left alone until retry_after is over."""

    classification = ErrorClassification.RATE_LIMITED


class RequestRefused(PlatformError):
    """The platform understood the request and refuses it."""

    classification = ErrorClassification.PERMANENT


class NotFound(RequestRefused):
    """The platform has no such thing, or does not show it to this credential: check both, it may have been deleted."""


class NotAuthorised(RequestRefused):
    """The platform refuses our credential or what it asks for: check PENSTOCK_<PLATFORM>_TOKEN and its rights."""


class AnchorsRefused(RequestRefused):
    """The platform refused the whole review because a comment's place is not in the diff."""


class AnswerUnreadable(PlatformError):
    """The platform's answer is too big or not of the promised form."""

    classification = ErrorClassification.PERMANENT


class WebhookError(PlatformError):
    """The webhook cannot be accepted."""

    classification = ErrorClassification.PERMANENT


class SignatureMissing(WebhookError):
    """The webhook carries no signature that could be verified."""


class SignatureInvalid(WebhookError):
    """The webhook's signature fits none of the valid secrets."""


class Malformed(WebhookError):
    """The webhook's body is not what the platform promises to send."""

    classification = ErrorClassification.POISON
