"""One line on a terminal that says what is going on, and is gone when it is over."""

from typing import TextIO

_CLEAR = "\r\x1b[2K"


class Progress:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def tell(self, what: str) -> None:
        self._stream.write(f"{_CLEAR}penstock: {what} …")
        self._stream.flush()

    def end(self) -> None:
        self._stream.write(_CLEAR)
        self._stream.flush()


class NoProgress:
    """Where nobody looks."""

    def tell(self, what: str) -> None:
        pass

    def end(self) -> None:
        pass


def progress_on(stream: TextIO) -> Progress | NoProgress:
    return Progress(stream) if stream.isatty() else NoProgress()
