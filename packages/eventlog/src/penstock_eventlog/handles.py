"""The table at the end of a service's handler.py: which fact is handled by which method."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from penstock_contracts.facts import Fact
from penstock_eventlog.outcomes import Outcome
from penstock_eventlog.work import Handler

Handles = Mapping[type[Fact], Callable[..., Awaitable[Outcome]]]


def bound(handles: Handles, handler: object) -> Mapping[str, Handler]:
    """The table with the object its methods belong to, by the names of the facts' types, as OneByOne wants it."""
    return {fact.TYPE: partial(method, handler) for fact, method in handles.items()}
