"""An old and a new process during a roll: a field was added, both go on reading each other."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import ClassVar

import pytest

from penstock_contracts.codec import Codec
from penstock_contracts.envelope import Envelope
from penstock_contracts.errors import UnknownSchema
from penstock_contracts.event import Event
from penstock_contracts.facts import Answer, Fact
from penstock_contracts.schemas import schema_of


class Older:
    @dataclass(frozen=True, slots=True)
    class Gate:
        name: str
        width: int = 0

    @dataclass(frozen=True, slots=True)
    class GatesInspected(Answer):
        TYPE: ClassVar[str] = "gates.inspected"
        gates: "tuple[Older.Gate, ...]" = ()
        note: str = ""


class Newer:
    """The gates have a colour, the answer has an inspector and no note."""

    @dataclass(frozen=True, slots=True)
    class Gate:
        name: str
        colour: str = "unpainted"
        width: int = 0

    @dataclass(frozen=True, slots=True)
    class GatesInspected(Answer):
        TYPE: ClassVar[str] = "gates.inspected"
        inspector: str | None = None
        gates: "tuple[Newer.Gate, ...]" = ()


ENVELOPE = Envelope(
    id="e-1",
    type="gates.inspected",
    source="test",
    time=datetime(2026, 1, 1, tzinfo=UTC),
    stream="github:github.com:17:7",
)
OLD_FACT = Older.GatesInspected(error="rust", gates=(Older.Gate("north", 4), Older.Gate("south", 5)), note="wet")
NEW_FACT = Newer.GatesInspected(error="rust", gates=(Newer.Gate("north", "red", 4),), inspector="Ada")
OLD, NEW = schema_of(Older.GatesInspected), schema_of(Newer.GatesInspected)


def test_the_two_versions_have_different_ids_under_one_name() -> None:
    assert OLD.id != NEW.id
    assert OLD.type_name == NEW.type_name


def test_an_older_process_reads_newer_bytes_once_it_has_looked_up_their_schema() -> None:
    encoded = Codec((Newer.GatesInspected,)).encode(Event(ENVELOPE, NEW_FACT))
    older = Codec((Older.GatesInspected,))

    with pytest.raises(UnknownSchema) as caught:
        older.decode(encoded.headers, encoded.value)
    assert caught.value.schema_id == NEW.id
    older.learn(NEW.id, NEW.text)

    expected = Older.GatesInspected(error="rust", gates=(Older.Gate("north", 4),))
    assert older.decode(encoded.headers, encoded.value) == Event(ENVELOPE, expected)


def test_a_newer_process_reads_older_bytes_once_it_has_looked_up_their_schema() -> None:
    encoded = Codec((Older.GatesInspected,)).encode(Event(ENVELOPE, OLD_FACT))
    newer = Codec((Newer.GatesInspected,))

    with pytest.raises(UnknownSchema) as caught:
        newer.decode(encoded.headers, encoded.value)
    assert caught.value.schema_id == OLD.id
    newer.learn(OLD.id, OLD.text)

    gates = (Newer.Gate("north", "unpainted", 4), Newer.Gate("south", "unpainted", 5))
    assert newer.decode(encoded.headers, encoded.value) == Event(
        ENVELOPE, Newer.GatesInspected(error="rust", gates=gates)
    )


def test_a_topic_on_which_both_versions_speak_loses_nothing_to_either() -> None:
    codecs: dict[str, tuple[Codec, Fact]] = {
        "old": (Codec((Older.GatesInspected,)), OLD_FACT),
        "new": (Codec((Newer.GatesInspected,)), NEW_FACT),
    }
    records = [
        codec.encode(Event(replace(ENVELOPE, id=f"{who}-{number}"), fact))
        for number in range(20)
        for who, (codec, fact) in codecs.items()
    ]

    for codec, _ in codecs.values():
        for schema in (OLD, NEW):
            codec.learn(schema.id, schema.text)
        read = [codec.decode(record.headers, record.value) for record in records]
        assert [event.envelope.id for event in read] == [f"{who}-{n}" for n in range(20) for who in ("old", "new")]
        assert {type(event.fact).__name__ for event in read} == {"GatesInspected"}


def test_what_was_learnt_is_read_without_looking_it_up_again() -> None:
    older = Codec((Older.GatesInspected,))
    older.learn(NEW.id, NEW.text)
    older.learn(NEW.id, NEW.text)
    value = Codec((Newer.GatesInspected,)).encode_fact(NEW_FACT)

    assert older.decode_fact(ENVELOPE, value) == older.decode_fact(ENVELOPE, value)
