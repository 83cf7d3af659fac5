"""Our bytes are those of Apache's avro package and of confluent-kafka's serializer, for every example."""

import io
from datetime import datetime
from typing import Any

import avro.io
import avro.schema
import msgspec
import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from penstock_contracts.codec import Codec
from penstock_contracts.event import Event
from penstock_contracts.examples import examples
from penstock_contracts.facts import Fact
from penstock_contracts.schemas import schema_of

FRAME = 5
CODEC = Codec()
every_example = pytest.mark.parametrize("event", examples(), ids=lambda event: event.fact.TYPE)


def plain(fact: Fact) -> Any:
    return _with_lists(msgspec.to_builtins(fact, builtin_types=(datetime,)))


def _with_lists(value: Any) -> Any:
    """The avro package takes no tuple for an array."""
    if isinstance(value, dict):
        return {name: _with_lists(item) for name, item in value.items()}
    return [_with_lists(item) for item in value] if isinstance(value, tuple) else value


def registered_id(client: SchemaRegistryClient) -> int:
    found = client.get_latest_version("a topic-value").schema_id
    assert found is not None
    return found


@every_example
def test_the_avro_package_writes_the_same_bytes(event: Event[Fact]) -> None:
    schema = avro.schema.parse(schema_of(type(event.fact)).text)
    buffer = io.BytesIO()

    avro.io.DatumWriter(schema).write(plain(event.fact), avro.io.BinaryEncoder(buffer))

    assert CODEC.encode_fact(event.fact)[FRAME:] == buffer.getvalue()


@every_example
def test_the_avro_package_reads_our_bytes(event: Event[Fact]) -> None:
    schema = avro.schema.parse(schema_of(type(event.fact)).text)
    body = io.BytesIO(CODEC.encode_fact(event.fact)[FRAME:])

    read = avro.io.DatumReader(schema).read(avro.io.BinaryDecoder(body))

    assert msgspec.convert(read, type(event.fact)) == event.fact


@every_example
def test_the_clients_serializer_frames_the_same_bytes(event: Event[Fact]) -> None:
    client = SchemaRegistryClient.new_client({"url": "mock://"})
    serializer = AvroSerializer(client, schema_of(type(event.fact)).text)
    context = SerializationContext("a topic", MessageField.VALUE)

    theirs = serializer(plain(event.fact), context)
    ours = CODEC.encode_fact(event.fact)

    assert theirs is not None
    registered = registered_id(client)
    assert theirs[:FRAME] == b"\0" + registered.to_bytes(4, "big")
    assert ours[:FRAME] == b"\0" + schema_of(type(event.fact)).id.to_bytes(4, "big")
    assert ours[FRAME:] == theirs[FRAME:]
    assert client.get_schema(registered).schema_str == schema_of(type(event.fact)).text


@every_example
def test_the_clients_deserializer_reads_our_bytes(event: Event[Fact]) -> None:
    client = SchemaRegistryClient.new_client({"url": "mock://"})
    context = SerializationContext("a topic", MessageField.VALUE)
    AvroSerializer(client, schema_of(type(event.fact)).text)(plain(event.fact), context)
    registered = registered_id(client)
    framed = b"\0" + registered.to_bytes(4, "big") + CODEC.encode_fact(event.fact)[FRAME:]

    read = AvroDeserializer(client)(framed, context)

    assert msgspec.convert(read, type(event.fact)) == event.fact
