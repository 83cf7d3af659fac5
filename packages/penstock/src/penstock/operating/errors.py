"""What can keep a command of an operator from doing what it was asked.

OperatingError
├── NotUnderstood          the command line or a setting does not say what is wanted
│   ├── NoAddress          what should be the address of the API is none
│   ├── NoConsole          something else answers at the address of the API
│   ├── TokenUnusable      no request can carry this token
│   └── TooLong            no address can carry these ids and options
├── ConsoleUnreachable     nobody answers where the API should be
│   └── ConsoleUnable      it answers, and cannot do it now
├── BrokersUnreachable     Kafka does not answer
├── NotAdmitted            the API does not know the token
├── ConsoleRefused         the API knows what is meant and says no
├── StillAtWork            services run on what shall be brought in order
└── RepositoryUnknown      no pull request of this repository is stored
"""

from collections.abc import Sequence
from textwrap import shorten


class OperatingError(Exception):
    """The command could not be carried out."""


class NotUnderstood(OperatingError):
    """The command line does not say what is wanted."""


class NoAddress(NotUnderstood):
    """What should be the address of the jobs API is none."""

    def __init__(self, url: str) -> None:
        super().__init__(
            f"{shorten(url, 200)!r} is no address: give --url or PENSTOCK_CONSOLE_URL as http://host:port or https://host"
        )


class NoConsole(NotUnderstood):
    """Something else answers where the jobs API should be."""

    def __init__(self, url: str, what: str) -> None:
        super().__init__(
            f"what answers at {url} is not the jobs API of this version ({what}): name its address with --url or "
            "PENSTOCK_CONSOLE_URL, as http://host:port without a path"
        )


class TokenUnusable(NotUnderstood):
    """No request can carry this token."""

    def __init__(self) -> None:
        super().__init__(
            "PENSTOCK_API_TOKEN has a character that no request can carry: set a token of ASCII letters and digits, "
            "here and at the console"
        )


class TooLong(NotUnderstood):
    """No address can carry what was typed."""

    def __init__(self, most: int) -> None:
        super().__init__(f"an id or an option is too long: the request's address would have over {most} characters")


class StillAtWork(OperatingError):
    """Services run on what shall be brought in order."""

    def __init__(self, found: Sequence[str]) -> None:
        super().__init__(
            f"somebody is at work: {', '.join(found)}; stop all services first (--force, where you know that "
            "leases are those of the dead)"
        )


class ConsoleUnreachable(OperatingError):
    """Nobody answers where the jobs API should be."""

    def __init__(self, url: str, why: str) -> None:
        super().__init__(
            f"no jobs API answers at {url} ({why}): start it with `penstock up` or `penstock run console`, "
            "or name it with --url or PENSTOCK_CONSOLE_URL"
        )


class ConsoleUnable(ConsoleUnreachable):
    """The jobs API, or what stands before it, cannot do this at the moment."""

    def __init__(self, url: str, why: str) -> None:
        OperatingError.__init__(
            self, f"the jobs API at {url} cannot do this now ({why}): try again, and read the console's log if it stays"
        )


class BrokersUnreachable(OperatingError):
    """Kafka does not answer."""

    def __init__(self, bootstrap: str, why: str) -> None:
        super().__init__(
            f"Kafka does not answer at {bootstrap} ({why}): is it up, and is that its address in "
            "PENSTOCK_KAFKA_BOOTSTRAP?"
        )


class NotAdmitted(OperatingError):
    """The jobs API does not admit us."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"the jobs API refuses: {detail}; set PENSTOCK_API_TOKEN to a token that it knows")


class ConsoleRefused(OperatingError):
    """The jobs API refuses, and says why."""


class RepositoryUnknown(OperatingError):
    """Nothing is stored about this repository."""

    def __init__(self, repository: str) -> None:
        super().__init__(
            f"no pull request of {repository!r} is stored here: write it as `penstock jobs` does, such as owner/name"
        )
