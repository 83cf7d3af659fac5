"""The checker on changes that are good and on changes that are bad; schemas/released itself: tests/contract."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from penstock_contracts.compatibility import between, breaches, released
from penstock_contracts.errors import NotReleasable
from penstock_contracts.release import freeze
from penstock_contracts.schemas import Schema, canonical_text, schema_id

Fields = list[dict[str, Any]]

GATE = {
    "type": "record",
    "name": "Gate",
    "namespace": "penstock",
    "fields": [{"name": "name", "type": "string"}, {"name": "width", "type": "long", "default": 0}],
}
COLOUR = {"type": "string", "penstock.values": ["red", "blue"]}


def fields() -> Fields:
    return [
        {"name": "id", "type": "string"},
        {"name": "note", "type": "string", "default": ""},
        {"name": "colour", "type": COLOUR},
        {"name": "gate", "type": GATE},
        {"name": "more", "type": {"type": "array", "items": "penstock.Gate"}, "default": []},
        {"name": "cost", "type": ["null", "double"], "default": None},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}, "default": 0},
    ]


def schema(described: Fields, name: str = "GatesInspected", type_name: str = "gates.inspected") -> Schema:
    definition = {"type": "record", "name": name, "namespace": "penstock", "fields": described}
    text = canonical_text(definition | {"penstock.type": type_name})
    return Schema(type_name, text, schema_id(text))


def changed(change: Callable[[Fields], object]) -> Schema:
    described = json.loads(json.dumps(fields()))
    change(described)
    return schema(described)


def retyped(at: int, avro: Any) -> Callable[[Fields], object]:
    return lambda described: described[at].update(type=avro)


def regated(**change: Any) -> Callable[[Fields], object]:
    return retyped(3, GATE | change)


RELEASED = schema(fields())
GOOD: dict[str, Callable[[Fields], object]] = {
    "nothing": lambda described: None,
    "a field with a default was added": lambda described: described.append(
        {"name": "inspector", "type": ["null", "string"], "default": None}
    ),
    "a field with a default was added in a record inside": regated(
        fields=[*GATE["fields"], {"name": "colour", "type": COLOUR, "default": "red"}]
    ),
    "a field with a default was removed": lambda described: described.pop(1),
    "fields changed places": lambda described: described.insert(0, described.pop()),
    "a record is now met first in a new field": lambda described: described.__setitem__(
        slice(3, 4),
        [{"name": "spare", "type": ["null", GATE], "default": None}, {"name": "gate", "type": "penstock.Gate"}],
    ),
    "a default changed": lambda described: described[1].update(default="none"),
    "a field got a default": lambda described: described[0].update(default=""),
}
BAD: dict[str, tuple[Callable[[Fields], object], str]] = {
    "added without a default": (
        lambda described: described.append({"name": "inspector", "type": "string"}),
        "inspector was added without a default, so older bytes cannot be read",
    ),
    "removed without a default": (
        lambda described: described.pop(0),
        "id was removed and had no default, so older processes cannot read today's bytes",
    ),
    "renamed": (lambda described: described[0].update(name="key"), "id was removed and had no default"),
    "another type": (retyped(1, "long"), "note was string and is long"),
    "a wider type": (retyped(6, "double"), "at was long (timestamp-micros) and is double"),
    "no logical type": (retyped(6, "long"), "at was long (timestamp-micros) and is long"),
    "may be nothing": (retyped(0, ["null", "string"]), "id was string and is null or string"),
    "may no longer be nothing": (retyped(5, "double"), "cost was null or double and is double"),
    "a value more": (
        retyped(2, {"type": "string", "penstock.values": ["red", "blue", "green"]}),
        "colour may be green, which older processes refuse",
    ),
    "a value less": (
        retyped(2, {"type": "string", "penstock.values": ["red"]}),
        "colour may no longer be blue, which older bytes hold",
    ),
    "no vocabulary": (retyped(2, "string"), "colour lost its closed vocabulary"),
    "a vocabulary": (retyped(0, COLOUR), "id got its closed vocabulary"),
    "another record": (
        lambda described: (
            regated(name="Door")(described),
            retyped(4, {"type": "array", "items": "penstock.Door"})(described),
        ),
        "gate was Gate and is Door",
    ),
    "inside a record": (
        regated(fields=[{"name": "name", "type": "string"}, {"name": "width", "type": "double", "default": 0}]),
        "gate.width was long and is double",
    ),
    "in the items of a list": (retyped(4, {"type": "array", "items": "string"}), "more[] was Gate and is string"),
}


@pytest.mark.parametrize("change", GOOD.values(), ids=GOOD.keys())
def test_a_good_change_breaks_nothing(change: Callable[[Fields], object]) -> None:
    assert list(between(RELEASED, changed(change))) == []
    assert list(between(changed(change), RELEASED)) == []


@pytest.mark.parametrize(("change", "message"), BAD.values(), ids=BAD.keys())
def test_a_bad_change_is_said_in_words(change: Callable[[Fields], object], message: str) -> None:
    found = list(between(RELEASED, changed(change)))

    assert any(message in line for line in found), found
    assert all(line.startswith(f"gates.inspected against {RELEASED.id}: ") for line in found)
    assert list(between(changed(change), RELEASED)) != []  # full: what breaks one way is refused the other way too


def test_a_record_of_another_name_cannot_be_read() -> None:
    found = list(between(RELEASED, schema(fields(), name="DoorsInspected")))

    assert len(found) == 1
    assert "it was GatesInspected and is DoorsInspected" in found[0]


def test_records_are_really_written_and_read_so_that_what_no_rule_knows_is_found() -> None:
    def unreadable_default(described: Fields) -> None:
        described.append({"name": "cover", "type": GATE | {"name": "Cover"}, "default": {"width": 1}})

    found = list(between(RELEASED, changed(unreadable_default)))

    assert len(found) == 1
    assert "bytes of the released version cannot be read" in found[0]


def test_each_released_version_counts_not_only_the_last() -> None:
    without = changed(lambda described: described.pop(1))
    needed = changed(lambda described: described[1].pop("default"))

    assert list(between(RELEASED, needed)) == []
    (found,) = breaches([needed], {"gates.inspected": [RELEASED, without]})
    assert (
        found
        == f"gates.inspected against {without.id}: note was added without a default, so older bytes cannot be read"
    )


def test_a_released_type_that_is_no_fact_any_more_is_named() -> None:
    (found,) = breaches([], {"gates.inspected": [RELEASED]})

    assert found.startswith("gates.inspected: was released and is no fact any more")


def test_before_the_first_release_nothing_can_break(tmp_path: Path) -> None:
    assert released(tmp_path) == {}
    assert list(breaches([RELEASED], released(tmp_path))) == []


def test_a_release_freezes_each_schema_under_its_type_and_id(tmp_path: Path) -> None:
    first = freeze(tmp_path, [RELEASED])

    assert first == [tmp_path / f"schemas/released/gates.inspected/{RELEASED.id}.avsc"]
    assert released(tmp_path) == {"gates.inspected": (RELEASED,)}
    assert freeze(tmp_path, [RELEASED]) == []


def test_a_release_adds_a_version_and_leaves_the_older_one_alone(tmp_path: Path) -> None:
    newer = changed(GOOD["a field with a default was added"])
    (path,) = freeze(tmp_path, [RELEASED])
    before = path.read_text()

    freeze(tmp_path, [newer])

    assert path.read_text() == before
    assert set(released(tmp_path)["gates.inspected"]) == {RELEASED, newer}


def test_a_release_that_would_break_something_writes_nothing(tmp_path: Path) -> None:
    freeze(tmp_path, [RELEASED])
    fresh = schema([{"name": "id", "type": "string"}], "DoorOpened", "door.opened")

    with pytest.raises(NotReleasable, match="id was removed and had no default"):
        freeze(tmp_path, [fresh, changed(lambda described: described.pop(0))])

    assert released(tmp_path) == {"gates.inspected": (RELEASED,)}


def test_a_released_file_that_was_edited_is_refused(tmp_path: Path) -> None:
    (path,) = freeze(tmp_path, [RELEASED])
    path.write_text(path.read_text().replace('"note"', '"remark"'))

    with pytest.raises(NotReleasable, match="what was released is never edited"):
        released(tmp_path)
