"""Avro schemas, generated from the facts. A schema's id is the first 31 bits of the SHA-256 of its text."""

import dataclasses
import hashlib
import json
import types
import typing
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any

from penstock_contracts.errors import SchemaCollision
from penstock_contracts.facts import Fact

NAMESPACE = "penstock"
TYPE_PROPERTY = "penstock.type"
VALUES_PROPERTY = "penstock.values"
_PRIMITIVES: dict[type, Any] = {
    str: "string",
    int: "long",
    float: "double",
    bool: "boolean",
    datetime: {"type": "long", "logicalType": "timestamp-micros"},
}


@dataclasses.dataclass(frozen=True, slots=True)
class Schema:
    """One version of one type: its canonical text, with defaults, and the id that follows from it."""

    type_name: str
    text: str
    id: int


def schema_id(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1


def canonical_text(definition: dict[str, Any]) -> str:
    return json.dumps(definition, separators=(",", ":"), ensure_ascii=False)


def schema_of(fact: type[Fact]) -> Schema:
    text = canonical_text(_record(fact, set()) | {TYPE_PROPERTY: fact.TYPE})
    return Schema(fact.TYPE, text, schema_id(text))


def by_id(schemas: Iterable[Schema]) -> dict[int, Schema]:
    """Two schemas with one id cannot be told apart by a reader, so that is refused."""
    found: dict[int, Schema] = {}
    for schema in schemas:
        other = found.setdefault(schema.id, schema)
        if other.text != schema.text:
            raise SchemaCollision(f"schema id {schema.id} stands for {other.type_name} and for {schema.type_name}")
    return found


def _record(cls: type, seen: set[str]) -> dict[str, Any]:
    seen.add(cls.__name__)
    hints = typing.get_type_hints(cls)
    fields = [_field(field, hints[field.name], seen) for field in dataclasses.fields(cls)]
    return {"type": "record", "name": cls.__name__, "namespace": NAMESPACE, "fields": fields}


def _field(field: "dataclasses.Field[Any]", hint: Any, seen: set[str]) -> dict[str, Any]:
    described: dict[str, Any] = {"name": field.name, "type": _avro(hint, seen)}
    if field.default_factory is not dataclasses.MISSING:
        raise TypeError(f"{field.name}: a default must be a value, a factory cannot be written into a schema")
    if field.default is not dataclasses.MISSING:
        described["default"] = _default(field.default)
    return described


def _avro(hint: Any, seen: set[str]) -> Any:
    if hint in _PRIMITIVES:
        return _PRIMITIVES[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is types.UnionType:
        return ["null", *(_avro(argument, seen) for argument in arguments if argument is not types.NoneType)]
    if origin is tuple:
        return {"type": "array", "items": _avro(arguments[0], seen)}
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        # No Avro enum: its symbols may not hold blanks. The values belong to the text, since a reader refuses others.
        return {"type": "string", VALUES_PROPERTY: [member.value for member in hint]}
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return f"{NAMESPACE}.{hint.__name__}" if hint.__name__ in seen else _record(hint, seen)
    raise TypeError(f"no Avro type for {hint!r}")


def _default(value: Any) -> Any:
    if isinstance(value, datetime):
        return int(value.timestamp() * 1_000_000)
    if isinstance(value, tuple):
        return [_default(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _default(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return str(value) if isinstance(value, StrEnum) else value
