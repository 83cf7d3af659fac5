"""The page about this service names every rule, with an example that is found, and every status."""

import re
from pathlib import Path

import pytest

from penstock_ast.languages import GRAMMARS
from penstock_ast.languages.grammar import Rule
from penstock_ast.rules import findings
from penstock_ast.task import FileState
from penstock_changes.languages import Language

PAGE = (Path(__file__).parents[3] / "services" / "ast" / "README.md").read_text(encoding="utf-8")
RULES = [rule for grammar in GRAMMARS.values() for rule in grammar.rules]
WHOLE = {
    "python-bare-except-pass": "try:\n    f()\n{}\n    pass\n",
    "python-mutable-default-argument": "{}\n    pass\n",
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_stands_on_the_page_with_an_example_that_is_found(rule: Rule) -> None:
    (row,) = re.findall(rf"\| `{rule.name}` \| (\w+) \| (\w+) \| `([^`]+)`", PAGE)
    assert row[:2] == (rule.category.value, rule.severity.value)
    text = WHOLE.get(rule.name, "{}\n").format(row[2]) if "{name}" not in row[2] else f"{row[2]}\n"
    numbers = tuple(range(1, text.count("\n") + 1))
    assert [each.rule for each in findings("a.py", text, numbers, GRAMMARS[Language.PYTHON])] == [rule.name]


def test_every_status_is_explained() -> None:
    assert [state.value for state in FileState if f"| `{state.value}` |" not in PAGE] == []
