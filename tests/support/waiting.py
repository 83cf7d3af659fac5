"""Waiting for a condition with a deadline: the only way tests wait."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

_T = TypeVar("_T")
_PAUSE = 0.01


@overload
async def eventually(condition: Callable[[], Awaitable[_T]], within: float = 10.0, what: str = "") -> _T: ...


@overload
async def eventually(condition: Callable[[], _T], within: float = 10.0, what: str = "") -> _T: ...


async def eventually(condition: Callable[[], object], within: float = 10.0, what: str = "") -> object:
    """The first true value of this condition, which may be a coroutine function; a failure after `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        outcome = condition()
        value = await outcome if inspect.isawaitable(outcome) else outcome
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(_complaint(what, within, value))
        await asyncio.sleep(_PAUSE)


def wait_until(condition: Callable[[], _T], within: float = 10.0, what: str = "") -> _T:
    """`eventually` for tests without a loop."""
    deadline = time.monotonic() + within
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(_complaint(what, within, value))
        time.sleep(_PAUSE)
    return value


def _complaint(what: str, within: float, value: object) -> str:
    return f"{what or 'the condition'} did not come true within {within} s; its last value was {value!r}"
