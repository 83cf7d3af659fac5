"""What a query may ask for: names and words that there are. One that is misspelt would find nothing, and nothing found
reads as if all were well, so it is refused with those that there are."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

from fastapi import HTTPException, Request
from fastapi.routing import APIRoute
from pydantic import AfterValidator

from penstock_contracts.enums import ErrorClassification
from penstock_contracts.facts import FACTS
from penstock_contracts.flow import STAGE_OF_ANSWER, TOPIC_BY_NAME
from penstock_store.letters import REFUSED, STALLED

WAITED_FOR = (*STAGE_OF_ANSWER, "workflow.control resume", "its turn", "redrive of")
"""What `waiting_for` of a job is made of."""
REASONS = (
    STALLED,
    REFUSED,
    "undecodable",
    "unencodable",
    "no handler",
    "handler raised",
    "hung",
    "poison",
    "too large",
    "answer refused by the log",
    *(f"failed: {each}" for each in ErrorClassification),
)
"""Why a letter is one."""
_FOREIGN = "/schemas/"
"""Clients of a schema registry send parameters of their own."""


def _one_of(known: Iterable[str]) -> AfterValidator:
    allowed = tuple(known)

    def check(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"it has to be one of: {', '.join(allowed)}")
        return text

    return AfterValidator(check)


def _part_of(known: Iterable[str]) -> AfterValidator:
    """A word of one of them, or one with what follows it, such as a count."""
    phrases = tuple(known)

    def check(text: str) -> str:
        if not text or not any(text in phrase or phrase in text for phrase in phrases):
            raise ValueError(f"nothing waits for that; it has to be a word of: {', '.join(phrases)}")
        return text

    return AfterValidator(check)


WaitingFor = Annotated[str, _part_of(WAITED_FOR)]
Reason = Annotated[str, _one_of(REASONS)]
EventType = Annotated[str, _one_of(fact.TYPE for fact in FACTS)]
TopicName = Annotated[str, _one_of(TOPIC_BY_NAME)]


async def understood(request: Request) -> None:
    """A dependency: refuses parameters of a query that its path does not read, and those that are given twice."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute) or route.path.startswith(_FOREIGN):
        return
    known = sorted(field.alias for field in route.dependant.query_params)
    for name in request.query_params:
        if name not in known:
            raise HTTPException(422, f"{_shown(name)} is no parameter here; there are: {', '.join(known) or 'none'}")
        if len(request.query_params.getlist(name)) > 1:
            raise HTTPException(422, f"{name} is given more than once")


def refuse_nothing_between(since: datetime | None, until: datetime | None) -> None:
    if since is not None and until is not None and since >= until:
        raise HTTPException(422, "since has to be before until: nothing lies between these two")


def _shown(name: str) -> str:
    return ascii(name[:40])
