from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock_contracts.codec import MAX_VALUE, Codec
from penstock_contracts.errors import (
    BadEnvelope,
    EventTooLarge,
    Undecodable,
    Unencodable,
    UnknownSchema,
    UnknownType,
)
from penstock_contracts.event import Event
from penstock_contracts.examples import examples
from penstock_contracts.facts import AstCompleted, Fact, PrReceived, StallCleared, WorkflowFinished
from penstock_contracts.schemas import schema_of
from tests.unit.penstock_contracts.strategies import any_fact

CODEC = Codec()
EXAMPLES = examples()
BY_TYPE = {event.fact.TYPE: event for event in EXAMPLES}


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.fact.TYPE)
def test_an_event_comes_back_as_it_was(event: Event[Fact]) -> None:
    encoded = CODEC.encode(event)

    assert CODEC.decode(encoded.headers, encoded.value) == event


@given(any_fact())
def test_any_fact_comes_back_as_it_was(fact: Fact) -> None:
    envelope = replace(EXAMPLES[0].envelope, type=fact.TYPE)

    assert CODEC.decode_fact(envelope, CODEC.encode_fact(fact)) == fact


def test_a_value_begins_with_a_zero_byte_and_the_id_of_its_schema() -> None:
    value = CODEC.encode_fact(StallCleared("e-1"))

    assert value[0] == 0
    assert int.from_bytes(value[1:5], "big") == schema_of(StallCleared).id
    assert value[5:] == b"\x06e-1"


def test_an_event_weighs_at_most_64_kib() -> None:
    overhead = len(CODEC.encode_fact(StallCleared("x" * 60_000))) - 60_000
    largest = StallCleared("x" * (MAX_VALUE - overhead))

    assert len(CODEC.encode_fact(largest)) == 65_536
    with pytest.raises(EventTooLarge, match=r"stall\.cleared weighs 65537 bytes"):
        CODEC.encode_fact(StallCleared(largest.event_id + "x"))


@pytest.mark.parametrize(
    "fact",
    [
        AstCompleted(files=2**63),
        AstCompleted(blob="half a pair: \ud800"),
        AstCompleted(blob=17),  # type: ignore[arg-type]
        AstCompleted(files="many"),  # type: ignore[arg-type]
        AstCompleted(outcome=None),  # type: ignore[arg-type]
    ],
    ids=["too large a number", "no Unicode", "a number for a text", "a text for a number", "nothing for an outcome"],
)
def test_a_value_that_cannot_be_written_is_refused_with_the_name_of_the_fact(fact: Fact) -> None:
    with pytest.raises(Unencodable, match=r"ast\.completed"):
        CODEC.encode_fact(fact)


def test_a_fact_that_the_process_does_not_know_is_refused_when_said() -> None:
    with pytest.raises(Unencodable, match=r"no fact called 'ast\.completed'"):
        Codec((PrReceived,)).encode_fact(AstCompleted())


def test_a_type_that_the_process_does_not_know_is_told_apart_from_a_broken_envelope() -> None:
    encoded = CODEC.encode(BY_TYPE["ast.completed"])

    with pytest.raises(UnknownType, match=r"'ast\.completed'"):
        Codec((PrReceived,)).decode(encoded.headers, encoded.value)


def test_an_unknown_schema_is_named_so_that_it_can_be_looked_up() -> None:
    event = BY_TYPE["stall.cleared"]

    with pytest.raises(UnknownSchema) as caught:
        CODEC.decode_fact(event.envelope, b"\0\x7f\xff\xff\xff\x06e-1")

    assert caught.value.schema_id == 2**31 - 1


@pytest.mark.parametrize(
    "value",
    [None, b"", b"\0", b"\0\0\0\0", b"\1" + CODEC.encode_fact(StallCleared("e-1"))[1:]],
    ids=["no value", "empty", "a zero byte", "half an id", "another magic byte"],
)
def test_a_value_without_a_frame_is_undecodable(value: bytes | None) -> None:
    with pytest.raises(Undecodable, match="zero byte"):
        CODEC.decode_fact(BY_TYPE["stall.cleared"].envelope, value)


def test_the_schema_of_another_type_is_undecodable() -> None:
    finished = CODEC.encode_fact(WorkflowFinished("r", "reviewed"))  # type: ignore[arg-type]

    with pytest.raises(Undecodable, match=r"is of workflow\.finished, not of stall\.cleared"):
        CODEC.decode_fact(BY_TYPE["stall.cleared"].envelope, finished)


def test_bytes_behind_the_record_are_undecodable() -> None:
    with pytest.raises(Undecodable, match="bytes follow the record"):
        CODEC.decode_fact(BY_TYPE["stall.cleared"].envelope, CODEC.encode_fact(StallCleared("e-1")) + b"\0")


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.fact.TYPE)
def test_a_value_cut_off_anywhere_is_undecodable(event: Event[Fact]) -> None:
    value = CODEC.encode_fact(event.fact)

    for length in range(len(value)):
        with pytest.raises(Undecodable):
            CODEC.decode_fact(event.envelope, value[:length])


@given(st.sampled_from(EXAMPLES), st.binary(max_size=200))
def test_rubbish_behind_a_frame_is_a_fact_or_undecodable(event: Event[Fact], rubbish: bytes) -> None:
    frame = CODEC.encode_fact(event.fact)[:5]
    try:
        fact = CODEC.decode_fact(event.envelope, frame + rubbish)
    except Undecodable:
        return
    assert isinstance(fact, type(event.fact))


@given(st.sampled_from(EXAMPLES), st.integers(5), st.integers(0, 255))
def test_one_wrong_byte_gives_a_fact_or_undecodable(event: Event[Fact], at: int, byte: int) -> None:
    value = bytearray(CODEC.encode_fact(event.fact))
    value[5 + at % (len(value) - 5)] = byte
    try:
        fact = CODEC.decode_fact(event.envelope, bytes(value))
    except Undecodable:
        return
    assert isinstance(fact, type(event.fact))


_NAMES = st.sampled_from([name for name, _ in CODEC.encode(EXAMPLES[3]).headers]) | st.text(max_size=10)
_VALUES = st.none() | st.binary(max_size=30) | st.sampled_from([event.fact.TYPE.encode() for event in EXAMPLES])


@given(st.lists(st.tuples(_NAMES, _VALUES)), st.none() | st.binary(max_size=100))
def test_rubbish_in_headers_and_value_gives_only_errors_of_the_contract(
    headers: list[tuple[str, bytes | None]], value: bytes | None
) -> None:
    whole = [*CODEC.encode(EXAMPLES[3]).headers, *headers]  # the later of two headers of one name counts
    for given_headers in (headers, whole):
        try:
            event = CODEC.decode(given_headers, value)
        except (Undecodable, UnknownSchema, BadEnvelope):
            continue
        assert isinstance(event.fact, Fact)
