"""Everything this package raises. The docstring of an error is its message.

Explained                   also of other packages: its text says all, no stack trace is logged with it
└── RuntimeFault
    ├── SettingsError           exit code 2: somebody has to correct the environment
    ├── PortInUse, AddressRefused               exit code 1
    ├── MachineFailed, ServerFailed             exit code 1
    ├── StoppedTooSlowly, CloseFailed           exit code 1
    ├── RetryTooLong            a mistake in our own code
    └── Unready                 raised by a readiness check, shown by /readyz
"""

from __future__ import annotations

from inspect import cleandoc


class Explained(Exception):
    """Its text says what is wrong and what to do: where in the code it was found out helps nobody."""


class RuntimeFault(Explained):
    """Something about the process itself is wrong."""

    def __init__(self, **facts: object) -> None:
        self.facts = facts
        super().__init__(cleandoc(type(self).__doc__ or "").replace("\n", " ").format(**facts))


class SettingsError(RuntimeFault):
    """{problems}"""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__(problems="; ".join(problems))


class PortInUse(RuntimeFault):
    """Port {port} on {host} is in use: set {variable} to a free port, or end the process that holds it."""


class AddressRefused(RuntimeFault):
    """Cannot listen on {host} port {port} ({reason}): correct {variable}."""


class MachineFailed(RuntimeFault):
    """The machine {machine} failed with {error}: {detail}"""


class ServerFailed(RuntimeFault):
    """The HTTP server {server} ended by itself; its own log line says why."""


class StoppedTooSlowly(RuntimeFault):
    """Still busy after {seconds:g} seconds: {names}. They were cut off; raise PENSTOCK_STOP_SECONDS to wait longer."""


class CloseFailed(RuntimeFault):
    """Closing {name} failed with {error}: {detail}"""


class RetryTooLong(RuntimeFault):
    """In-process retries may wait {limit:g} s in all, these could wait {total:g} s: use a timer."""


class Unready(RuntimeFault):
    """{reason}"""

    def __init__(self, reason: str) -> None:
        super().__init__(reason=reason)


def unexplained(error: BaseException) -> BaseException | None:
    """What a stack trace would help with: some errors say it all, but for what stands behind a failure."""
    behind = error.__cause__ if isinstance(error, MachineFailed | CloseFailed) else error
    return None if isinstance(behind, Explained) else behind
