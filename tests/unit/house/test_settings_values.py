"""Which values settings take, and that the pages of the services say what stands where none is given."""

import re
from pathlib import Path

import pytest

from penstock_runtime.parsers import Parser
from penstock_runtime.settings import Declared, declared_in
from tools.settings_page import SECTIONS
from tools.setup import ROOT

DECLARED = {item.name: item for classes in SECTIONS.values() for cls in classes for item in declared_in(cls)}
ROW = re.compile(r"^\| `(PENSTOCK_\w+)` \| ([^|]+) \|", re.MULTILINE)
OF_EACH_ITS_OWN = "PENSTOCK_POOL_SIZE"


def read(parser: Parser[object], text: str) -> object:
    try:
        return parser.read(text)
    except ValueError:
        return None


def test_zero_is_taken_only_where_it_means_that_something_is_not_done() -> None:
    """Deadlines and time-outs of zero would refuse or fail everything, with a process that says it is ready."""
    durations = {name: item.parser for name, item in DECLARED.items() if item.parser.expects.startswith("a duration")}
    assert {name for name, parser in durations.items() if read(parser, "0") == 0} == {
        "PENSTOCK_CONFIG_TTL",
        "PENSTOCK_DEBOUNCE",
        "PENSTOCK_HTTP_IDLE_TIMEOUT",
        "PENSTOCK_LLM_ANSWER_TTL",
    }


def is_default(item: Declared, shown: str) -> bool:
    if shown in ("none", "required"):
        return item.default in (None, "", ())
    return str(item.default) == shown or read(item.parser, shown) == item.default


@pytest.mark.parametrize("page", sorted((ROOT / "services").glob("*/README.md")), ids=lambda page: page.parent.name)
def test_the_page_of_a_service_shows_the_defaults_that_hold(page: Path) -> None:
    shown = dict(ROW.findall(page.read_text()))
    wrong = {
        name: text
        for name, text in shown.items()
        if name in DECLARED and name != OF_EACH_ITS_OWN and not is_default(DECLARED[name], text.strip(" `"))
    }
    assert wrong == {}
