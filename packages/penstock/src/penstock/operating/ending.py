"""How a command of an operator ends: one exit code for each kind of end, and what went wrong on standard error.

Help texts quote EXIT_CODES, so that all commands mean the same by a number.
"""

import asyncio
import sys
from collections.abc import Coroutine, Mapping

from penstock.local.errors import FolderRefused, LocalError
from penstock.operating.errors import BrokersUnreachable, ConsoleUnreachable, NotAdmitted, NotUnderstood, OperatingError
from penstock_eventlog.errors import LogError, LogMisconfigured, LogUnavailable
from penstock_runtime.errors import SettingsError
from penstock_store.errors import StoreError, StoreUnavailable, WrongCredentials

DONE, REFUSED, MISUSED, UNREACHABLE = 0, 1, 2, 3
_CODES: Mapping[type[Exception], int] = {
    SettingsError: MISUSED,
    NotUnderstood: MISUSED,
    NotAdmitted: MISUSED,
    LogMisconfigured: MISUSED,
    WrongCredentials: MISUSED,
    BrokersUnreachable: UNREACHABLE,
    ConsoleUnreachable: UNREACHABLE,
    LogUnavailable: UNREACHABLE,
    StoreUnavailable: UNREACHABLE,
    FolderRefused: MISUSED,
    LocalError: UNREACHABLE,
}


def ended(command: str, work: Coroutine[object, object, int]) -> int:
    """Does the work on a loop of its own; the exit code."""
    try:
        return asyncio.run(work)
    except SettingsError as error:
        problems, code = error.problems, MISUSED
    except (OperatingError, StoreError, LogError, LocalError) as error:
        problems, code = (str(error),), code_of(error)
    for problem in problems:
        print(f"penstock {command}: {problem}", file=sys.stderr)
    return code


def code_of(error: Exception) -> int:
    return next((code for kind, code in _CODES.items() if isinstance(error, kind)), REFUSED)
