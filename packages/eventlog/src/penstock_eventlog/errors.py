"""What a log and the machines on it can refuse.

LogError
├── LogUnavailable       brokers or database away: pause and try again
├── RecordRefused        these records will never be taken (too large, topic gone): their streams are blocked, visibly
├── LogMisconfigured     wrong credentials, unknown topic, bad setting: stop and say what to change
├── LogTakenOver         another process holds the Postgres log by now: this one must end
└── HandlerStuck         a handler went on after it was cancelled: the process must end
"""

from collections.abc import Mapping

from penstock_runtime.errors import Explained


class LogError(Exception):
    """The log refused."""


class LogUnavailable(LogError):
    """The log cannot be used at the moment; the same call may succeed later."""


class RecordRefused(LogError):
    """The log refuses these records for good; all others of the same call are acknowledged."""

    def __init__(self, refused: Mapping[int, str]) -> None:
        super().__init__("; ".join(f"record {index}: {reason}" for index, reason in refused.items()))
        self.refused = refused
        """Reasons by index into the records given."""


class LogMisconfigured(LogError, Explained):
    """The log cannot be used as it is set up: the message names the setting and the remedy."""


class LogTakenOver(LogError, Explained):
    """Another process has taken over the log on this database; this one must end."""


class HandlerStuck(LogError, Explained):
    """A handler went on long after it was cancelled; ending the process makes its record a suspect."""

    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(
            f"the handler of {what} ignores its cancellation for {seconds:.0f} s: this process ends, and the record is "
            "handled alone by the next one, which gives it up when that ends three times more"
        )
