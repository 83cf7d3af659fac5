"""Freezes today's schemas in schemas/released/<type>/<schema id>.avsc, after which types change only additively.

`python -m penstock_contracts.release` refuses when a version released before could not read today's bytes, or today's
version its bytes.
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from penstock_contracts.compatibility import RELEASED, breaches, released
from penstock_contracts.errors import NotReleasable
from penstock_contracts.facts import FACTS
from penstock_contracts.generate import schema_file
from penstock_contracts.schemas import Schema, schema_of


def freeze(root: Path, today: Iterable[Schema]) -> list[Path]:
    """Writes what is not frozen yet and returns it. Nothing is written when anything would break."""
    schemas = tuple(today)
    if found := list(breaches(schemas, released(root))):
        raise NotReleasable("\n".join(found))
    frozen = []
    for schema in schemas:
        path = root / RELEASED / schema.type_name / f"{schema.id}.avsc"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(schema_file(schema))
            frozen.append(path)
    return frozen


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m penstock_contracts.release", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path(), help="the root of the repository")
    arguments = parser.parse_args()
    try:
        frozen = freeze(arguments.root, map(schema_of, FACTS))
    except NotReleasable as error:
        sys.exit(f"release: {error}")
    for path in frozen:
        print(path)


if __name__ == "__main__":
    main()
