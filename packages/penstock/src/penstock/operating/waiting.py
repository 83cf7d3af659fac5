"""What a command says on standard error while it waits, and what it says of brokers that do not answer."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from penstock.operating.errors import BrokersUnreachable
from penstock.operating.settings import Brokers
from penstock_eventlog.errors import LogUnavailable

_MOMENT = 2.0


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextmanager
def telling(what: str, moment: float = _MOMENT) -> Iterator[None]:
    """Says what is waited for once that has taken a moment. The loop has to be free meanwhile."""
    later = asyncio.get_running_loop().call_later(moment, say, f"waiting for {what}")
    try:
        yield
    finally:
        later.cancel()


@contextmanager
def reaching(brokers: Brokers) -> Iterator[None]:
    """Around all that asks Kafka. Raises BrokersUnreachable in the place of LogUnavailable."""
    try:
        yield
    except LogUnavailable as error:
        raise BrokersUnreachable(brokers.bootstrap, str(error)) from error
