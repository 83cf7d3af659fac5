"""Any fact, and any envelope, for properties."""

import dataclasses
import types
import typing
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from hypothesis import strategies as st

from penstock_contracts.envelope import Envelope
from penstock_contracts.facts import FACTS, Fact

MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
_LONGS = st.integers(-(2**63), 2**63 - 1)
_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=200),
    int: _LONGS,
    float: st.floats(allow_nan=False),
    bool: st.booleans(),
    datetime: MOMENTS,
    types.NoneType: st.none(),
}
# Assigned characters that CloudEvents allows in an attribute.
ATTRIBUTES = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=100)


def any_fact() -> st.SearchStrategy[Fact]:
    return st.sampled_from(FACTS).flatmap(built)


def built(cls: type[Any]) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(cls)
    return st.builds(cls, **{field.name: _of(hints[field.name]) for field in dataclasses.fields(cls)})


def any_envelope() -> st.SearchStrategy[Envelope]:
    needed = {name: ATTRIBUTES.filter(bool) for name in ("id", "type", "source", "stream")}
    texts = ("subject", "workflow_id", "stage", "part", "causation_id", "correlation_id", "traceparent", "tracestate")
    numbers = st.integers(0, 2**63 - 1)
    return st.builds(
        Envelope,
        **needed,
        **dict.fromkeys(texts, ATTRIBUTES),
        **dict.fromkeys(("epoch", "attempt", "sequence"), numbers),
        time=MOMENTS,
        not_after=st.none() | MOMENTS,
    )


def _of(hint: Any) -> st.SearchStrategy[Any]:
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is types.UnionType:
        return st.one_of([_of(argument) for argument in arguments])
    if typing.get_origin(hint) is tuple:
        return st.lists(_of(arguments[0]), max_size=4).map(tuple)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return st.sampled_from(hint)
    return _PLAIN[hint] if hint in _PLAIN else built(hint)
