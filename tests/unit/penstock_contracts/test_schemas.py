import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar

import pytest

from penstock_contracts.codec import Codec
from penstock_contracts.errors import SchemaCollision, Undecodable
from penstock_contracts.facts import FACTS, AstCompleted, Fact, StallCleared
from penstock_contracts.schemas import Schema, by_id, schema_id, schema_of


class Colour(StrEnum):
    RED = "red"
    PALE_BLUE = "pale blue"


@dataclass(frozen=True, slots=True)
class Dimensions:
    width: int
    height: int = 3


@dataclass(frozen=True, slots=True)
class GatePainted(Fact):
    """What is said here is no part of the schema."""

    TYPE: ClassVar[str] = "gate.painted"
    colour: Colour
    size: Dimensions
    spare: Dimensions | None = None
    others: tuple[Colour, ...] = (Colour.RED,)
    at: datetime = datetime(1970, 1, 2, tzinfo=UTC)
    cost: float = 0.5
    dry: bool = False


COLOURS = '{"type":"string","penstock.values":["red","pale blue"]}'
TEXT = (
    '{"type":"record","name":"GatePainted","namespace":"penstock","fields":['
    f'{{"name":"colour","type":{COLOURS}}},'
    '{"name":"size","type":{"type":"record","name":"Dimensions","namespace":"penstock","fields":['
    '{"name":"width","type":"long"},{"name":"height","type":"long","default":3}]}},'
    '{"name":"spare","type":["null","penstock.Dimensions"],"default":null},'
    f'{{"name":"others","type":{{"type":"array","items":{COLOURS}}},"default":["red"]}},'
    '{"name":"at","type":{"type":"long","logicalType":"timestamp-micros"},"default":86400000000},'
    '{"name":"cost","type":"double","default":0.5},'
    '{"name":"dry","type":"boolean","default":false}],"penstock.type":"gate.painted"}'
)


def test_the_canonical_text_holds_defaults_and_vocabularies_and_no_blanks() -> None:
    assert schema_of(GatePainted).text == TEXT


def test_an_id_is_the_first_31_bits_of_the_hash_of_the_text() -> None:
    # printf '%s' TEXT | sha256sum begins with the eight digits on the right
    assert schema_of(GatePainted).id == 0x0662E270 >> 1
    assert schema_id("") == 0xE3B0C442 >> 1


def test_a_default_is_part_of_the_identity_of_a_schema() -> None:
    assert schema_id(TEXT.replace('"default":3', '"default":4')) != schema_id(TEXT)


def test_every_fact_has_an_id_of_its_own() -> None:
    assert len(by_id(map(schema_of, FACTS))) == len(FACTS)


def test_two_schemas_with_one_id_are_refused_and_both_are_named() -> None:
    forged = Schema("ast.completed", '{"forged":"a"}', 7), Schema("config.resolved", '{"forged":"b"}', 7)

    with pytest.raises(SchemaCollision, match=r"schema id 7 stands for ast\.completed and for config\.resolved"):
        by_id(forged)


def test_one_schema_twice_is_no_collision() -> None:
    schema = schema_of(StallCleared)

    assert by_id([schema, schema]) == {schema.id: schema}


def test_a_text_that_was_looked_up_never_replaces_another_with_its_id() -> None:
    codec = Codec()

    with pytest.raises(SchemaCollision, match=r"stands for stall\.cleared"):
        codec.learn(schema_of(StallCleared).id, schema_of(AstCompleted).text)


def test_a_text_that_has_another_id_is_not_learnt() -> None:
    with pytest.raises(Undecodable, match="the text found for schema 7 has the id"):
        Codec().learn(7, schema_of(GatePainted).text)


@pytest.mark.parametrize("text", ["", "[]", '"string"', '{"type":"record"}', '{"type":"what","penstock.type":"x"}'])
def test_a_text_that_is_no_schema_of_ours_is_not_learnt(text: str) -> None:
    with pytest.raises(Undecodable, match="is no schema of ours"):
        Codec().learn(schema_id(text), text)


def test_a_process_publishes_the_schemas_it_was_built_with() -> None:
    assert Codec((StallCleared,)).schemas() == (schema_of(StallCleared),)
    assert [schema.type_name for schema in Codec().schemas()] == [fact.TYPE for fact in FACTS]


def test_a_default_made_by_a_factory_is_refused() -> None:
    @dataclass(frozen=True, slots=True)
    class Listed(Fact):
        TYPE: ClassVar[str] = "listed"
        names: tuple[str, ...] = field(default_factory=tuple)

    with pytest.raises(TypeError, match="names: a default must be a value"):
        schema_of(Listed)


def test_bytes_are_refused_because_they_belong_into_a_blob() -> None:
    @dataclass(frozen=True, slots=True)
    class Odd(Fact):
        TYPE: ClassVar[str] = "odd"
        photo: bytes

    with pytest.raises(TypeError, match="no Avro type for <class 'bytes'>"):
        schema_of(Odd)


def test_every_field_of_an_answer_has_a_default_in_its_schema() -> None:
    fields = json.loads(schema_of(AstCompleted).text)["fields"]

    assert fields
    assert all("default" in described for described in fields)
