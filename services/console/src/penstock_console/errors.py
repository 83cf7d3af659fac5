"""Why the console does not do what it is asked.

ConsoleError
├── JobUnknown       404
├── JobOver          409: what is over is not changed any more; ask for a replay
└── NothingToRetry   409: no part of this run was given up, or it must be said which
"""


class ConsoleError(Exception):
    """The console cannot do this."""


class JobUnknown(ConsoleError):
    """There is no such job."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"there is no job {job_id}")


class JobOver(ConsoleError):
    """The job is over."""

    def __init__(self, job_id: str, status: str) -> None:
        super().__init__(f"job {job_id} is {status}: ask for a replay, which is a new run")


class NothingToRetry(ConsoleError):
    """There is not exactly one part to retry."""
