"""Today's schemas and those released before read each other's bytes, all versions, both ways."""

from pathlib import Path

from penstock_contracts.compatibility import RELEASED, breaches, released
from penstock_contracts.facts import FACTS
from penstock_contracts.release import freeze
from penstock_contracts.schemas import schema_of

ROOT = Path(__file__).resolve().parents[2]
TODAY = tuple(map(schema_of, FACTS))


def test_today_and_every_released_version_read_each_other() -> None:
    """Before the first release the folder is empty and types change freely; tests/unit/penstock_contracts/
    test_compatibility.py proves the checker on versions made for it."""
    assert list(breaches(TODAY, released(ROOT))) == []


def test_what_lies_among_the_released_versions_was_written_by_a_release() -> None:
    versions = released(ROOT)

    assert sum(map(len, versions.values())) == len(list((ROOT / RELEASED).rglob("*.*")))


def test_todays_schemas_can_be_released(tmp_path: Path) -> None:
    frozen = freeze(tmp_path, TODAY)

    assert len(frozen) == len(FACTS)
    assert {version for versions in released(tmp_path).values() for version in versions} == set(TODAY)
    assert list(breaches(TODAY, released(tmp_path))) == []
