"""FULL_TRANSITIVE: every released version of a type can read today's bytes, and today's can read every released one's.

Rules say in words what is wrong; besides them, records made at random are really written and read in both directions.
"""

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import fastavro
from fastavro.utils import generate_many

from penstock_contracts.errors import NotReleasable
from penstock_contracts.schemas import NAMESPACE, TYPE_PROPERTY, VALUES_PROPERTY, Schema, canonical_text, schema_id

RELEASED = "schemas/released"
RECORDS = 20


def released(root: Path) -> dict[str, tuple[Schema, ...]]:
    """The frozen versions by type. A file whose name is not the id of its text was edited after its release."""
    found: dict[str, tuple[Schema, ...]] = {}
    for path in sorted((root / RELEASED).glob("*/*.avsc")):
        schema = _load(path)
        found[schema.type_name] = (*found.get(schema.type_name, ()), schema)
    return found


def breaches(today: Iterable[Schema], versions: Mapping[str, Iterable[Schema]]) -> Iterator[str]:
    """What would be lost between today's schemas and the released ones, one sentence each."""
    own = {schema.type_name: schema for schema in today}
    for type_name, olds in versions.items():
        if type_name not in own:
            yield f"{type_name}: was released and is no fact any more; keep it for one release, then drop its folder"
            continue
        for old in olds:
            yield from between(old, own[type_name])


def between(old: Schema, new: Schema) -> Iterator[str]:
    if old.text == new.text:
        return
    place = f"{new.type_name} against {old.id}"
    said = [f"{place}: {what}" for what in _Comparison(json.loads(old.text), json.loads(new.text)).differences()]
    yield from said
    if not said:
        yield from (f"{place}: {what}" for what in _unreadable(old, new))


def _load(path: Path) -> Schema:
    definition = json.loads(path.read_text())
    text = canonical_text(definition)
    schema = Schema(definition.get(TYPE_PROPERTY, ""), text, schema_id(text))
    if path.stem != str(schema.id) or path.parent.name != schema.type_name:
        raise NotReleasable(f"{path}: holds {schema.type_name} {schema.id}; what was released is never edited")
    return schema


# --- rules ------------------------------------------------------------------------------------------------------


def _records(schema: Any) -> Iterator[tuple[str, Any]]:
    """All records by full name: Avro writes a record out only where it is met first."""
    for branch in schema if isinstance(schema, list) else [schema]:
        if isinstance(branch, dict) and branch["type"] == "array":
            yield from _records(branch["items"])
        elif isinstance(branch, dict) and branch["type"] == "record":
            yield _full_name(branch), branch
            for field in branch["fields"]:
                yield from _records(field["type"])


class _Comparison:
    """Two versions of one record, walked through side by side."""

    def __init__(self, old: Any, new: Any) -> None:
        self._old, self._new = old, new
        self._old_records, self._new_records = dict(_records(old)), dict(_records(new))

    def differences(self) -> Iterator[str]:
        return self._types("", self._old, self._new)

    def _types(self, at: str, old: Any, new: Any) -> Iterator[str]:
        old, new = _resolved(old, self._old_records), _resolved(new, self._new_records)
        if _kind(old) != _kind(new):
            yield f"{at or 'it'} was {_kind(old)} and is {_kind(new)}; a changed type is a new field or a new fact"
        elif isinstance(new, list):
            for one, other in zip(old, new, strict=True):
                yield from self._types(at, one, other)
        elif isinstance(new, dict) and new["type"] == "array":
            yield from self._types(f"{at}[]", old["items"], new["items"])
        elif isinstance(new, dict) and new["type"] == "record":
            yield from self._fields(at, old, new)
        else:
            yield from _vocabularies(at, old, new)

    def _fields(self, at: str, old: Any, new: Any) -> Iterator[str]:
        before, after = ({field["name"]: field for field in one["fields"]} for one in (old, new))
        for name in before | after:
            path = f"{at}.{name}" if at else name
            if name in before and name in after:
                yield from self._types(path, before[name]["type"], after[name]["type"])
            elif name in after and "default" not in after[name]:
                yield f"{path} was added without a default, so older bytes cannot be read"
            elif name in before and "default" not in before[name]:
                yield f"{path} was removed and had no default, so older processes cannot read today's bytes"


def _vocabularies(at: str, old: Any, new: Any) -> Iterator[str]:
    before, after = (one.get(VALUES_PROPERTY) if isinstance(one, dict) else None for one in (old, new))
    if before is None and after is None:
        return
    if before is None or after is None:
        yield f"{at} {'lost' if before else 'got'} its closed vocabulary, so one side refuses what the other says"
        return
    if added := [value for value in after if value not in before]:
        yield f"{at} may be {', '.join(added)}, which older processes refuse"
    if removed := [value for value in before if value not in after]:
        yield f"{at} may no longer be {', '.join(removed)}, which older bytes hold"


def _resolved(schema: Any, records: Mapping[str, Any]) -> Any:
    return records.get(schema, schema) if isinstance(schema, str) else schema


def _kind(schema: Any) -> str:
    """What may never change: the type, the record's name, the logical type, the branches of a union."""
    if isinstance(schema, list):
        return " or ".join(_kind(branch) for branch in schema)
    if isinstance(schema, str):
        return schema.removeprefix(f"{NAMESPACE}.")
    if schema["type"] == "record":
        return str(schema["name"])
    return f"{schema['type']} ({schema['logicalType']})" if "logicalType" in schema else str(schema["type"])


def _full_name(schema: Any) -> str:
    return f"{schema['namespace']}.{schema['name']}"


# --- proof ------------------------------------------------------------------------------------------------------


def _unreadable(old: Schema, new: Schema) -> Iterator[str]:
    written_before, written_now = (fastavro.parse_schema(json.loads(one.text), named_schemas={}) for one in (old, new))
    if error := _first_failure(written_before, written_now):
        yield f"bytes of the released version cannot be read: {error}"
    if error := _first_failure(written_now, written_before):
        yield f"today's bytes cannot be read by an older process: {error}"


def _first_failure(writer: Any, reader: Any) -> Exception | None:
    for record in generate_many(writer, RECORDS):
        buffer = io.BytesIO()
        fastavro.schemaless_writer(buffer, writer, record)
        buffer.seek(0)
        try:
            read = fastavro.schemaless_reader(buffer, writer, reader)
            fastavro.schemaless_writer(io.BytesIO(), reader, read)  # else a default that fits nowhere goes unseen
        except (ValueError, TypeError, KeyError, EOFError, fastavro.read.SchemaResolutionError) as error:
            return error
    return None
