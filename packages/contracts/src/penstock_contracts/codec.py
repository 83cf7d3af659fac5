"""Events to bytes and back: CloudEvents headers, Avro with Confluent framing (a zero byte, a four-byte schema id)."""

import io
import json
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import fastavro
import msgspec

from penstock_contracts.envelope import Envelope, Headers, from_headers, to_headers
from penstock_contracts.errors import (
    EventTooLarge,
    SchemaCollision,
    Undecodable,
    Unencodable,
    UnknownSchema,
    UnknownType,
)
from penstock_contracts.event import Event
from penstock_contracts.facts import FACTS, Fact
from penstock_contracts.schemas import TYPE_PROPERTY, Schema, by_id, schema_id, schema_of

MAGIC = 0
MAX_VALUE = 64 * 1024
_FRAME = struct.Struct(">bI")
_NATIVE = (datetime,)


@dataclass(frozen=True, slots=True)
class Encoded:
    headers: Headers
    value: bytes


@dataclass(frozen=True, slots=True)
class _Own:
    """A fact of this process with its schema, parsed once."""

    fact: type[Fact]
    schema: Schema
    parsed: Any
    frame: bytes


@dataclass(frozen=True, slots=True)
class _Writer:
    """A schema that bytes were written with, ours or another version's."""

    type_name: str
    text: str
    parsed: Any


class Codec:
    """Knows the schemas it was built with and those it has been taught; does no input or output."""

    def __init__(self, facts: Iterable[type[Fact]] = FACTS) -> None:
        self._own = {fact.TYPE: _own(fact) for fact in facts}
        by_id(self.schemas())
        self._writers = {
            own.schema.id: _Writer(name, own.schema.text, own.parsed) for name, own in self._own.items()
        }  # fmt: skip

    def encode(self, event: Event[Fact]) -> Encoded:
        return Encoded(to_headers(event.envelope), self.encode_fact(event.fact))

    def encode_fact(self, fact: Fact) -> bytes:
        own = self._own.get(fact.TYPE)
        if own is None:
            raise Unencodable(f"this process has no fact called {fact.TYPE!r}")
        buffer = io.BytesIO()
        buffer.write(own.frame)
        try:
            fastavro.schemaless_writer(buffer, own.parsed, msgspec.to_builtins(fact, builtin_types=_NATIVE))
        except _BAD_VALUES as error:
            raise Unencodable(f"{fact.TYPE}: {type(error).__name__}: {error}") from error
        value = buffer.getvalue()
        if len(value) > MAX_VALUE:
            raise EventTooLarge(f"{fact.TYPE} weighs {len(value)} bytes, {MAX_VALUE} are allowed")
        return value

    def decode(self, headers: Iterable[tuple[str, bytes | None]], value: bytes | None) -> Event[Fact]:
        envelope = from_headers(headers)
        return Event(envelope, self.decode_fact(envelope, value))

    def decode_fact(self, envelope: Envelope, value: bytes | None) -> Fact:
        own = self._own.get(envelope.type)
        if own is None:
            raise UnknownType(f"no fact is called {envelope.type!r}")
        if value is None or len(value) < _FRAME.size or value[0] != MAGIC:
            raise Undecodable(f"{envelope.type}: the value does not begin with a zero byte and a schema id")
        writer_id = _FRAME.unpack_from(value)[1]
        writer = self._writers.get(writer_id)
        if writer is None:
            raise UnknownSchema(writer_id)
        if writer.type_name != envelope.type:
            raise Undecodable(f"schema {writer_id} is of {writer.type_name}, not of {envelope.type}")
        return _read(own, writer.parsed, value)

    def learn(self, writer_id: int, text: str) -> None:
        """Takes a schema of another version, looked up in the schema table."""
        known = self._writers.get(writer_id)
        if known is not None and known.text != text:
            raise SchemaCollision(f"schema id {writer_id} stands for {known.type_name} and for a text looked up for it")
        if writer_id != schema_id(text):
            raise Undecodable(f"the text found for schema {writer_id} has the id {schema_id(text)}")
        try:
            definition = json.loads(text)
            self._writers[writer_id] = _Writer(definition[TYPE_PROPERTY], text, _parse(text))
        except _BAD_SCHEMA as error:
            raise Undecodable(f"the text found for schema {writer_id} is no schema of ours: {error}") from error

    def schemas(self) -> tuple[Schema, ...]:
        """What this process upserts into the schema table at its start."""
        return tuple(own.schema for own in self._own.values())


def _own(fact: type[Fact]) -> _Own:
    schema = schema_of(fact)
    return _Own(fact, schema, _parse(schema.text), _FRAME.pack(MAGIC, schema.id))


def _read(own: _Own, writer: Any, value: bytes) -> Fact:
    stream = io.BytesIO(value)
    stream.seek(_FRAME.size)
    try:
        plain = fastavro.schemaless_reader(stream, writer, None if writer is own.parsed else own.parsed)
        fact = msgspec.convert(plain, own.fact, builtin_types=_NATIVE)
    except _BAD_BYTES as error:
        raise Undecodable(f"{own.fact.TYPE}: {type(error).__name__}: {error}") from error
    if stream.tell() != len(value):
        raise Undecodable(f"{own.fact.TYPE}: bytes follow the record")
    return fact


# What fastavro and msgspec raise on bytes that are not a record of the schema.
_BAD_BYTES = (
    ValueError, TypeError, EOFError, IndexError, KeyError, OverflowError, MemoryError, struct.error,
    AttributeError, fastavro.read.SchemaResolutionError, msgspec.ValidationError,
)  # fmt: skip
# What they raise on numbers that are too large, text that is no Unicode, values of another type.
_BAD_VALUES = (ValueError, TypeError, OverflowError, AttributeError, KeyError, IndexError)
_BAD_SCHEMA = (ValueError, TypeError, KeyError, fastavro.schema.SchemaParseException, fastavro.schema.UnknownType)


def _parse(text: str) -> Any:
    return fastavro.parse_schema(json.loads(text), named_schemas={})
