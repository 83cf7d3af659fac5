"""What a log can refuse.

LogError
├── LogUnavailable       brokers or database away: pause and try again
├── RecordRefused        this record will never be taken (too large, topic gone): its stream is blocked, visibly
└── LogMisconfigured     wrong credentials, unknown topic, bad setting: stop and say what to change
"""


class LogError(Exception):
    """The log refused."""


class LogUnavailable(LogError):
    """The log cannot be used at the moment; the same call may succeed later."""


class RecordRefused(LogError):
    """The log refuses this record for good."""


class LogMisconfigured(LogError):
    """The log cannot be used as it is set up: the message names the setting and the remedy."""
