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
from penstock_contracts.errors import BadEnvelope, EventTooLarge, Undecodable, UnknownSchema
from penstock_contracts.event import Event
from penstock_contracts.facts import FACTS, Fact
from penstock_contracts.schemas import Schema, embedded, schema_of

MAGIC = 0
MAX_VALUE = 64 * 1024
_FRAME = struct.Struct(">bI")
_NATIVE = (bytes, datetime)


@dataclass(frozen=True, slots=True)
class Encoded:
    headers: Headers
    value: bytes


class Codec:
    """Knows the schemas it was built with and those it has been taught; does no input or output."""

    def __init__(self, facts: Iterable[type[Fact]] = FACTS) -> None:
        self._facts = {fact.TYPE: fact for fact in facts}
        self._readers = {name: _parse(schema_of(fact).text) for name, fact in self._facts.items()}
        self._writers = {schema_of(fact).id: self._readers[name] for name, fact in self._facts.items()}
        self._type_of_writer = {schema_of(fact).id: name for name, fact in self._facts.items()}
        self._frames = {name: _FRAME.pack(MAGIC, schema_of(fact).id) for name, fact in self._facts.items()}

    def encode(self, event: Event[Fact]) -> Encoded:
        return Encoded(to_headers(event.envelope), self.encode_fact(event.fact))

    def encode_fact(self, fact: Fact) -> bytes:
        buffer = io.BytesIO()
        buffer.write(self._frames[fact.TYPE])
        fastavro.schemaless_writer(buffer, self._readers[fact.TYPE], msgspec.to_builtins(fact, builtin_types=_NATIVE))
        value = buffer.getvalue()
        if len(value) > MAX_VALUE:
            raise EventTooLarge(f"{fact.TYPE} weighs {len(value)} bytes, {MAX_VALUE} are allowed")
        return value

    def decode(self, headers: Iterable[tuple[str, bytes | None]], value: bytes | None) -> Event[Fact]:
        envelope = from_headers(headers)
        return Event(envelope, self.decode_fact(envelope, value))

    def decode_fact(self, envelope: Envelope, value: bytes | None) -> Fact:
        fact = self._facts.get(envelope.type)
        if fact is None:
            raise BadEnvelope(f"no fact is called {envelope.type!r}")
        if value is None or len(value) < _FRAME.size or value[0] != MAGIC:
            raise Undecodable(f"{envelope.type}: the value does not begin with a zero byte and a schema id")
        writer_id = _FRAME.unpack_from(value)[1]
        writer = self._writers.get(writer_id)
        if writer is None:
            raise UnknownSchema(writer_id)
        if self._type_of_writer[writer_id] != envelope.type:
            raise Undecodable(f"schema {writer_id} is of {self._type_of_writer[writer_id]}, not of {envelope.type}")
        return self._read(fact, writer, self._readers[fact.TYPE], memoryview(value)[_FRAME.size :])

    def learn(self, schema_id: int, text: str) -> None:
        """Takes a schema of another version, looked up in the schema table."""
        definition = json.loads(text)
        self._writers[schema_id] = _parse(text)
        self._type_of_writer[schema_id] = definition.get("penstock.type", "")

    def schemas(self) -> tuple[Schema, ...]:
        """What this process upserts into the schema table at its start."""
        return tuple(embedded().values())

    def _read(self, fact: type[Fact], writer: Any, reader: Any, body: memoryview) -> Fact:
        stream = io.BytesIO(body)
        try:
            plain = fastavro.schemaless_reader(stream, writer, None if writer is reader else reader)
            if stream.read(1):
                raise Undecodable(f"{fact.TYPE}: bytes follow the record")
            return msgspec.convert(plain, fact, builtin_types=_NATIVE)
        except _BAD_BYTES as error:
            raise Undecodable(f"{fact.TYPE}: {type(error).__name__}: {error}") from error


# What fastavro and msgspec raise on bytes that are not a record of the schema.
_BAD_BYTES = (
    ValueError, TypeError, EOFError, IndexError, KeyError, OverflowError, MemoryError, struct.error,
    AttributeError, fastavro.read.SchemaResolutionError, msgspec.ValidationError,
)  # fmt: skip


def _parse(text: str) -> Any:
    return fastavro.parse_schema(json.loads(text), named_schemas={})
