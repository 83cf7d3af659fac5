"""What the forge answers instead of doing what it was asked."""

from __future__ import annotations

from collections.abc import Sequence


class Refused(Exception):
    """The forge refuses a request, in GitHub's words."""

    def __init__(self, status: int, message: str, errors: Sequence[str] = ()) -> None:
        self.status = status
        self.message = message
        self.errors = tuple(errors)
        super().__init__(message)


class Missing(Refused):
    """There is no such thing, or it is not for you to see."""

    def __init__(self) -> None:
        super().__init__(404, "Not Found")


class ConnectionDropped(Exception):
    """A fault cut the connection where there is none to cut: in process."""
