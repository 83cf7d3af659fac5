"""Why the console does not do what it is asked.

ConsoleError
├── JobUnknown       404
├── JobOver          409: what is over is not changed any more; ask for a replay
├── NothingToRetry   409: no part of this run was given up, or it must be said which
├── LetterUnknown    404
├── LetterSettled    409: it was redriven, sent back or put aside before
├── NothingToSend    409: a letter without the bytes that could be sent again
├── NothingToApply   409: a stalled event whose names are none any more
└── NotBlocked       404: no row of this stream is blocked
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


class LetterUnknown(ConsoleError):
    """There is no such dead letter."""

    def __init__(self, letter_id: str) -> None:
        super().__init__(f"there is no dead letter {letter_id}")


class LetterSettled(ConsoleError):
    """The dead letter is not open any more."""

    def __init__(self, letter_id: str, resolution: str) -> None:
        super().__init__(f"dead letter {letter_id} is settled: {resolution}")


class NothingToSend(ConsoleError):
    """The dead letter has no value that could be sent again."""

    def __init__(self, letter_id: str) -> None:
        super().__init__(f"dead letter {letter_id} has no value that could be sent again: discard it")


class NothingToApply(ConsoleError):
    """Nobody can be asked to apply the event of the dead letter."""

    def __init__(self, letter_id: str, why: str) -> None:
        super().__init__(f"dead letter {letter_id} cannot be applied again ({why}): discard it")


class NotBlocked(ConsoleError):
    """Nothing of this stream is blocked."""

    def __init__(self, stream: str) -> None:
        super().__init__(f"no row of stream {stream} is blocked")
