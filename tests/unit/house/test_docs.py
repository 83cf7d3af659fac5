"""The documents say what is there: their paths, links, symbols, variables, metrics and words exist."""

import configparser
import re
from pathlib import Path

import pytest

from penstock_contracts.facts import FACTS
from penstock_contracts.flow import TOPIC_BY_NAME
from penstock_platforms.registry import names
from penstock_runtime.names import known_names
from penstock_store.tables import metadata
from tests.unit.house.documents import CODE, LINK, PATH, documents, name_of, rows, section, text_of
from tools.setup import ROOT, members

TOUR = list(rows(section("ARCHITECTURE.md", "Five files")))[1:]
WAY = re.findall(r"`([\w.]+)`\s+\(`([^`]+)`\)", section("ARCHITECTURE.md", "From a webhook to a review"))
PROMISES = {row[0].split()[0]: row for row in rows(section("ARCHITECTURE.md", "Where each promise is kept"))}
STAGES = {row[0]: row for row in rows(text_of("docs/stages.md")) if row[0]}
POINT = re.compile(r"\b[a-z]+\.\d\.[a-z]+\b")
DOTTED = re.compile(r"`((?:pr|prepare|config|ast|files|comments|workflow)\.[a-z_.]+)`")
TESTS_ONLY = {"PENSTOCK_TEST_DATABASE_URL", "PENSTOCK_TEST_KAFKA_BOOTSTRAP"}
MISSING = {
    "Kubernetes manifests": "deploy/k8s",
    "compose file": "deploy/compose.yaml",
    "a simulator": "tests/sim",
    "a checklist of a working installation": "packages/penstock/src/penstock/local/verify.py",
    "generating code": "services/codegen",
}


def sources() -> list[Path]:
    return [*ROOT.glob("packages/*/src/**/*.py"), *ROOT.glob("services/*/src/**/*.py")]


@pytest.mark.parametrize("document", documents(), ids=name_of)
def test_every_link_leads_somewhere(document: Path) -> None:
    inside = (link.partition("#")[0] for link in LINK.findall(document.read_text()) if "://" not in link)
    assert [link for link in inside if link and not (document.parent / link).exists()] == []


@pytest.mark.parametrize("name", ["ARCHITECTURE.md", "CONTRIBUTING.md", "docs/stages.md", "docs/operations.md"])
def test_every_path_that_is_named_exists(name: str) -> None:
    found = PATH.findall(text_of(name))
    assert found
    assert [path for path in found if not (ROOT / path).exists()] == []


def test_the_tour_has_five_files() -> None:
    assert len(TOUR) == 5


@pytest.mark.parametrize(("number", "path", "hints"), TOUR, ids=lambda cell: cell if cell.isdigit() else "")
def test_the_files_of_the_tour_contain_what_to_look_for(number: str, path: str, hints: str) -> None:
    text = (ROOT / path.strip("`")).read_text()
    wanted = CODE.findall(hints)
    assert wanted, number
    assert [symbol for symbol in wanted if not re.search(rf"\b{symbol}\b", text)] == []


def test_the_way_of_a_webhook_names_symbols_where_they_are_defined() -> None:
    assert len(WAY) > 6
    missing = [
        (symbol, path)
        for symbol, path in WAY
        for part in symbol.split(".")
        if not re.search(rf"^\s*(?:class|(?:async )?def) {part}\b", (ROOT / path).read_text(), re.MULTILINE)
    ]
    assert missing == []


def test_every_promise_is_kept_somewhere_and_shown_by_a_test_or_not_kept_yet() -> None:
    assert [f"N{number}" for number in range(1, 13)] == [name for name in PROMISES if name.startswith("N")]
    for name, (_, where, shown) in PROMISES.items():
        if name.startswith("N") and not where.startswith("not yet"):
            assert PATH.findall(where), name
            assert [path for path in PATH.findall(shown) if not path.startswith("tests/")] == [], name
            assert PATH.findall(shown), name


def test_every_crash_point_of_the_code_is_listed_with_its_file() -> None:
    listed: set[str] = set()
    for where, points in list(rows(section("ARCHITECTURE.md", "Numbered steps and crash points")))[1:]:
        text = "".join((ROOT / path).read_text() for path in PATH.findall(where))
        found = POINT.findall(points)
        assert [point for point in found if f'"{point}"' not in text] == []
        listed.update(found)
    in_code = {point for source in sources() for point in re.findall(rf'"({POINT.pattern})"', source.read_text())}
    assert sorted(in_code ^ listed) == []


def test_every_member_has_its_line_and_the_layers_are_those_that_are_enforced() -> None:
    house = section("ARCHITECTURE.md", "The house")
    told = {cells[0].strip("`") for cells in rows(house)}
    assert sorted({member.relative_to(ROOT).as_posix() for member in members()} - told) == []
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter")
    layers = parser["importlinter:contract:layers"]["layers"].strip().replace("penstock_", "").replace("_", "-")
    (picture,) = re.findall(r"^```\n(.*?)^```$", house, re.MULTILINE | re.DOTALL)
    assert [line.split() for line in picture.splitlines()] == [
        [word for word in line.split() if word != "|"] for line in layers.splitlines()
    ]


def test_each_of_the_17_stages_has_a_file_or_is_not_there_yet() -> None:
    assert list(STAGES) == [f"B{number}" for number in range(1, 18)]
    assert [name for name, row in STAGES.items() if not PATH.findall(row[3]) and "not yet" not in row[3]] == []


def test_every_record_of_a_decision_is_in_the_index_once_and_in_order() -> None:
    on_disk = sorted(path.name for path in (ROOT / "docs/adr").glob("[0-9]*.md"))
    assert LINK.findall(text_of("docs/adr/README.md")) == on_disk
    numbers = [name[:4] for name in on_disk]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("document", documents(), ids=name_of)
def test_every_variable_that_is_named_is_known(document: Path) -> None:
    named = set(re.findall(r"`(PENSTOCK_[A-Z_]+[A-Z])(?:=[^`]*)?`", document.read_text()))
    known = known_names() | TESTS_ONLY
    assert sorted(name for name in named if not {name, name.removesuffix("_FILE")} & known) == []


@pytest.mark.parametrize("document", documents(), ids=name_of)
def test_every_fact_topic_and_table_that_is_named_exists(document: Path) -> None:
    known = {fact.TYPE for fact in FACTS} | set(TOPIC_BY_NAME) | set(metadata.tables)
    assert sorted(set(DOTTED.findall(document.read_text())) - known) == []


def test_every_service_has_its_page_and_its_image() -> None:
    services = [path for path in (ROOT / "services").iterdir() if path.is_dir()]
    assert [one.name for one in services for name in ("README.md", "Dockerfile") if not (one / name).is_file()] == []


def test_every_metric_that_operations_names_exists() -> None:
    metrics = text_of("packages/runtime/src/penstock_runtime/metrics.py")
    named = re.findall(r"`(\w+_(?:total|seconds|records|due))`", text_of("docs/operations.md"))
    assert named
    assert [name for name in named if f'"{name}"' not in metrics] == []


@pytest.mark.parametrize(("words", "path"), MISSING.items(), ids=MISSING)
def test_what_the_readme_calls_missing_is_missing_and_nothing_else(words: str, path: str) -> None:
    assert (words in section("README.md", "What works, and what does not yet")) != (ROOT / path).exists()


def test_the_readme_names_the_platforms_that_there_are() -> None:
    (works,) = [row[1] for row in rows(text_of("README.md")) if row[0] == "platforms"]
    assert [word.strip().lower() for word in works.split(",")] == sorted(names())
