"""docs/flow.md: the flow table as a page to read."""

import dataclasses
import types
import typing
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum

from penstock_contracts import enums
from penstock_contracts.codec import MAX_VALUE
from penstock_contracts.facts import FACTS, Fact
from penstock_contracts.flow import EVENTS_TOPIC, STAGES, TOPIC_OF_TYPE, TOPICS, Topic
from penstock_contracts.schemas import schema_of

INTRODUCTION = f"""\
# The flow

Written by `make generate` from the flow table in `penstock_contracts`; a test fails when it is stale.

Every arrow is a topic, and a topic carries facts of the types named with it. Only the orchestrator asks for work;
services answer it and know nothing of each other. A value is Avro with a zero byte and a four-byte schema id before it,
at most {MAX_VALUE // 1024} KiB; the headers are a CloudEvents envelope. Schemas and examples lie in `schemas/`.
"""


def flow_page() -> str:
    sections = (INTRODUCTION, _picture(), _topics(), _stages(), _facts(), _parts(), _vocabularies())
    return "\n".join(sections)


def _picture() -> str:
    arrows: dict[tuple[str, str], list[str]] = {}
    for topic in TOPICS:
        for speaker in topic.said_by:
            for hearer in topic.heard_by:
                arrows.setdefault((speaker, hearer), []).append(topic.name)
    lines = [f"    {_node(one)} -->|{'<br>'.join(names)}| {_node(other)}" for (one, other), names in arrows.items()]
    return "\n".join(
        ("```mermaid", "flowchart LR", "    platform([Git platform]) -->|webhook| ingest", *lines, "```", "")
    )


def _node(name: str) -> str:
    return f"{name.replace(' ', '-')}[{name}]" if " " in name else name


def _topics() -> str:
    rows = (
        (
            f"`{topic.name}`",
            ", ".join(topic.said_by),
            ", ".join(topic.heard_by),
            str(topic.key),
            str(topic.partitions),
            f"{topic.retention_hours // 24} d",
            _types(topic),
        )
        for topic in TOPICS
    )
    return "## Topics\n\n" + _table(("topic", "said by", "heard by", "key", "partitions", "kept", "types"), rows)


def _types(topic: Topic) -> str:
    if topic.name == EVENTS_TOPIC:
        return f"every stored fact, {len(topic.types)} types"
    return ", ".join(_link(fact) for fact in topic.types)


def _stages() -> str:
    rows = (
        (
            f"`{row.stage}`",
            _link(row.request),
            _link(row.answer),
            row.service,
            f"`{row.handler_type}`",
            f"`{row.workflow_type}`" if row.workflow_type else "",
        )
        for row in STAGES.values()
    )
    header = ("stage", "asked by", "answered by", "service", "handler type", "workflow type")
    return "## Stages\n\nA stage is a pair of facts.\n\n" + _table(header, rows)


def _facts() -> str:
    return "## Facts\n" + "".join(f"\n{section}" for section in map(_fact, FACTS))


def _fact(fact: type[Fact]) -> str:
    topic = TOPIC_OF_TYPE.get(fact.TYPE)
    stored = any(topic.name == EVENTS_TOPIC and fact in topic.types for topic in TOPICS)
    travels = [f"`{topic.name}`"] if topic else []
    travels += [f"`{EVENTS_TOPIC}`"] if stored else []
    where = f"Travels on {' and '.join(travels)}" if travels else "Never travels"
    return (
        f'<a id="{_anchor(fact)}"></a>\n### {fact.TYPE}\n\n{_about(fact)}\n\n'
        f"{where}; schema id {schema_of(fact).id}.\n\n{_fields(fact)}"
    )


def _parts() -> str:
    """The records inside facts."""
    found: dict[str, type] = {}
    for fact in FACTS:
        _collect(fact, found)
    sections = "".join(f"\n### {name}\n\n{_about(part)}\n\n{_fields(part)}" for name, part in sorted(found.items()))
    return f"## Records inside facts\n{sections}"


def _collect(cls: type, found: dict[str, type]) -> None:
    for hint in typing.get_type_hints(cls).values():
        for inner in (hint, *typing.get_args(hint)):
            if isinstance(inner, type) and dataclasses.is_dataclass(inner) and inner.__name__ not in found:
                found[inner.__name__] = inner
                _collect(inner, found)


def _vocabularies() -> str:
    closed = [one for one in vars(enums).values() if isinstance(one, type) and issubclass(one, StrEnum)]
    rows = ((f"`{one.__name__}`", ", ".join(f"`{member.value}`" for member in one)) for one in closed if list(one))
    return "## Vocabularies\n\nTheir values travel in facts, rows and answers, so they never change.\n\n" + _table(
        ("name", "values"), rows
    )


def _fields(cls: type) -> str:
    hints = typing.get_type_hints(cls)
    rows = [
        (f"`{field.name}`", _hint(hints[field.name]), _default(field.default))
        for field in dataclasses.fields(cls)
    ]  # fmt: skip
    return _table(("field", "type", "default"), rows)


def _hint(hint: typing.Any) -> str:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is types.UnionType:
        return " or ".join("nothing" if one is types.NoneType else _hint(one) for one in arguments)
    if origin is tuple:
        return f"list of {_hint(arguments[0])}"
    return str(hint.__name__)


def _default(value: object) -> str:
    if value is dataclasses.MISSING:
        return "needed"
    if dataclasses.is_dataclass(value):
        return "all its defaults"
    if value is None:
        return "nothing"
    return f"`{str(value) if isinstance(value, StrEnum) else value!r}`" if value != () else "none"


def _about(cls: type) -> str:
    """The docstring; where a class has none, dataclass invents a signature, which says nothing here."""
    text = cls.__doc__ or ""
    return "" if text.startswith(f"{cls.__name__}(") else " ".join(text.split())


def _link(fact: type[Fact]) -> str:
    return f"[{fact.TYPE}](#{_anchor(fact)})"


def _anchor(fact: type[Fact]) -> str:
    return fact.TYPE.replace(".", "-")


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def lines() -> Iterator[str]:
        yield "| " + " | ".join(header) + " |"
        yield "|" + "---|" * len(header)
        for row in rows:
            yield "| " + " | ".join(row) + " |"

    return "\n".join(lines()) + "\n"
