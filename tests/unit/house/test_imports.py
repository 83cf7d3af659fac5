"""The list of who may import whom knows every member of the workspace, and what ingest loads is what it may load."""

import configparser
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tools.setup import ROOT, members

HEAVY = (
    "aiokafka",
    "alembic",
    "anthropic",
    "ast_grep_py",
    "confluent_kafka",
    "faust",
    "httpx",
    "openai",
    "opentelemetry.exporter",
    "pydantic_ai",
    "sqlalchemy",
    "tree_sitter",
)
OF_OTHERS = ("penstock_eventlog", "penstock_sources", "penstock_llm_review", "penstock_ast", "penstock_commenter")


@pytest.fixture(scope="module")
def rules() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter")
    return parser


def import_name(member: Path) -> str:
    (package,) = (path.name for path in (member / "src").iterdir() if (path / "__init__.py").exists())
    return package


def words(text: str) -> list[str]:
    return [word for word in text.split() if word != "|"]


def test_every_member_of_the_workspace_is_checked(rules: configparser.ConfigParser) -> None:
    assert sorted(words(rules["importlinter"]["root_packages"])) == sorted(map(import_name, members()))


def test_every_member_of_the_workspace_has_its_one_layer(rules: configparser.ConfigParser) -> None:
    assert sorted(words(rules["importlinter:contract:layers"]["layers"])) == sorted(map(import_name, members()))


def test_mypy_is_told_where_every_member_lies() -> None:
    configured = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["mypy_path"]
    expected = [f"$MYPY_CONFIG_FILE_DIR/{member.relative_to(ROOT).as_posix()}/src" for member in members()]
    assert sorted(configured) == sorted(expected)


def test_ingest_loads_nothing_heavy() -> None:
    program = "import sys, pkgutil, importlib, penstock_ingest as p\n" + (
        "for module in pkgutil.walk_packages(p.__path__, 'penstock_ingest.'):\n"
        "    importlib.import_module(module.name)\n"
        "print(*sys.modules)"
    )
    finished = subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.PIPE, text=True)
    loaded = set(finished.stdout.split())
    assert "penstock_ingest" in loaded
    assert sorted(loaded & {*HEAVY, *OF_OTHERS}) == []
