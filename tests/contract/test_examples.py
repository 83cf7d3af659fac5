"""The examples on disk are what other programs will meet: they are read as such, not from Python."""

import base64
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from penstock_contracts.codec import Codec
from penstock_contracts.examples import examples
from penstock_contracts.facts import FACTS, Fact
from penstock_contracts.schemas import canonical_text, schema_id

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
EVENTS = {event.fact.TYPE: event for event in examples()}
every_fact = pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.TYPE)


def example(fact: type[Fact]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SCHEMAS / f"examples/{fact.TYPE}.json").read_text())
    return found


def test_there_is_one_example_of_every_fact() -> None:
    assert len(examples()) == len(FACTS)
    assert {path.stem for path in (SCHEMAS / "examples").iterdir()} == {fact.TYPE for fact in FACTS}


@every_fact
def test_headers_and_value_of_an_example_decode_to_the_event(fact: type[Fact]) -> None:
    found = example(fact)
    headers = [(name, text.encode()) for name, text in found["headers"].items()]

    event = Codec().decode(headers, base64.b64decode(found["value_base64"]))

    assert event == EVENTS[fact.TYPE]
    assert msgspec.convert(found["body"], fact) == event.fact


@every_fact
def test_the_schema_on_disk_has_the_id_that_the_example_was_written_with(fact: type[Fact]) -> None:
    text = canonical_text(json.loads((SCHEMAS / f"{fact.TYPE}.avsc").read_text()))

    assert schema_id(text) == example(fact)["schema_id"]


@every_fact
def test_an_example_is_as_full_as_its_type_allows(fact: type[Fact]) -> None:
    """What is empty in an example shows nobody what belongs there; a failure or an option may stay empty."""
    body = example(fact)["body"]
    filled = [name for name, value in body.items() if value not in ("", None, [], 0, False)]

    assert len(filled) >= min(4, len(body)) or fact.TYPE == "stage.released"
