"""Writes what is generated from the contracts: schemas/<type>.avsc, schemas/examples/<type>.json, docs/flow.md.

`python -m penstock_contracts.generate` writes it below the working directory; with `--check` it writes nothing and
fails, naming each file that is stale.
"""

import argparse
import base64
import json
import sys
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import msgspec

from penstock_contracts.codec import Codec
from penstock_contracts.event import Event
from penstock_contracts.examples import examples
from penstock_contracts.facts import FACTS, Fact
from penstock_contracts.flow import EVENTS_TOPIC, TOPIC_BY_NAME, TOPIC_OF_TYPE
from penstock_contracts.flow_page import flow_page
from penstock_contracts.routing import Route, events_route, route
from penstock_contracts.schemas import Schema, schema_of

SCHEMAS = PurePosixPath("schemas")
EXAMPLES = SCHEMAS / "examples"
FLOW = PurePosixPath("docs/flow.md")
# Folders in which every file of the kind is generated, so that one whose type is gone is stale.
_OWNED = ((SCHEMAS, "*.avsc"), (EXAMPLES, "*.json"))

Files = Mapping[PurePosixPath, str]
"""The text of each file by its path from the root."""


def generated() -> Files:
    codec = Codec()
    files = {SCHEMAS / f"{fact.TYPE}.avsc": schema_file(schema_of(fact)) for fact in FACTS}
    files |= {EXAMPLES / f"{event.fact.TYPE}.json": _example(event, codec) for event in examples()}
    return files | {FLOW: flow_page()}


def schema_file(schema: Schema) -> str:
    """The schema to read; its canonical text is this without blanks, in the same order."""
    return _pretty(json.loads(schema.text))


def stale(root: Path, files: Files) -> list[str]:
    """What on disk is not what would be written, and what would not be written at all."""
    return sorted(
        [str(path) for path, text in files.items() if not _holds(root / path, text)]
        + [str(path) for path in _leftovers(root, files)]
    )


def write(root: Path, files: Files) -> None:
    for path in _leftovers(root, files):
        (root / path).unlink()
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text() == text


def _leftovers(root: Path, files: Files) -> list[PurePosixPath]:
    found = (
        PurePosixPath(path.relative_to(root).as_posix())
        for folder, kind in _OWNED
        for path in (root / folder).glob(kind)
    )
    return [path for path in found if path not in files]


def _example(event: Event[Fact], codec: Codec) -> str:
    encoded = codec.encode(event)
    way = _way(event)
    return _pretty(
        {
            "topic": way.topic if way else None,
            "key": way.key if way else None,
            "schema_id": schema_of(type(event.fact)).id,
            "headers": {name: value.decode() for name, value in encoded.headers},
            "body": msgspec.to_builtins(event.fact),
            "value_base64": base64.b64encode(encoded.value).decode(),
        }
    )


def _way(event: Event[Fact]) -> Route | None:
    """Inner facts travel among all stored facts only; a fired timer never travels."""
    if event.envelope.type in TOPIC_OF_TYPE:
        return route(event.envelope)
    return events_route(event.envelope) if type(event.fact) in TOPIC_BY_NAME[EVENTS_TOPIC].types else None


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m penstock_contracts.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is stale")
    parser.add_argument("--root", type=Path, default=Path(), help="the root of the repository")
    arguments = parser.parse_args()
    files = generated()
    if not arguments.check:
        write(arguments.root, files)
        return
    found = stale(arguments.root, files)
    for path in found:
        print(f"{path}: is stale")
    if found:
        sys.exit(f"generate: {len(found)} files are stale; run `make generate`")


if __name__ == "__main__":
    main()
