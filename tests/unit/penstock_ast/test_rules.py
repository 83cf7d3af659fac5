"""What the rules find, and what they leave alone."""

import pytest

from penstock_ast.analysis import analyse
from penstock_changes.findings import Category, Finding
from tests.unit.penstock_ast.support import change_of

HARMFUL = """\
import subprocess


def collect(item, seen=[]):
    seen.append(item)
    return seen


def archive(name):
    subprocess.run(f"tar cf {name}", shell=True)


def load(path):
    try:
        return open(path)
    except Exception:
        pass
"""


def findings(before: str | None, after: str) -> tuple[Finding, ...]:
    texts = None if before is None else before.encode()
    document = analyse([change_of("tool.py", before, after)], {"tool.py": texts}, {"tool.py": after.encode()})
    return document.findings


def test_the_three_rules_find_what_their_names_say() -> None:
    found = [(each.rule, each.category, each.start_line) for each in findings(None, HARMFUL)]
    assert found == [
        ("python-mutable-default-argument", Category.BUG, 4),
        ("python-subprocess-shell-true", Category.SECURITY, 10),
        ("python-bare-except-pass", Category.MAINTAINABILITY, 16),
    ]


def test_what_stood_there_before_is_not_found() -> None:
    found = findings(HARMFUL, HARMFUL.replace("return seen", "return list(seen)"))
    assert found == ()


@pytest.mark.parametrize(
    "line",
    [
        "def f(a=None, b=(), c=0): pass",
        "def f(a=frozenset()): pass",
        "subprocess.run(['ls'], shell=False)",
        "subprocess.run(['ls'])",
        "render(shell=True)",
        "try:\n    f()\nexcept ValueError:\n    pass",
        "try:\n    f()\nexcept Exception:\n    log()",
        "try:\n    f()\nexcept:\n    raise",
    ],
)
def test_harmless_code_has_no_findings(line: str) -> None:
    assert findings(None, line + "\n") == ()


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("def f(*, a: dict[str, int] = {}): pass", "python-mutable-default-argument"),
        ("f = lambda a=set(): a", "python-mutable-default-argument"),
        ("Popen(command, stdout=PIPE, shell=True)", "python-subprocess-shell-true"),
        ("try:\n    f()\nexcept:\n    pass", "python-bare-except-pass"),
        ("try:\n    f()\nexcept BaseException as error:\n    # never mind\n    ...", "python-bare-except-pass"),
    ],
)
def test_every_way_to_write_it_is_found(line: str, rule: str) -> None:
    assert [each.rule for each in findings(None, line + "\n")] == [rule]


def test_a_comment_in_the_code_silences_its_line() -> None:
    silenced = HARMFUL.replace("seen=[]):", "seen=[]):  # penstock: ignore[python-mutable-default-argument] a cache")
    assert "python-mutable-default-argument" not in {each.rule for each in findings(None, silenced)}


def test_a_finding_keeps_its_fingerprint_when_lines_above_it_move() -> None:
    first = {each.rule: each.fingerprint for each in findings(None, HARMFUL)}
    second = {each.rule: each.fingerprint for each in findings(None, "\n# moved\n\n" + HARMFUL)}
    assert first == second
    assert all(first.values())


def test_two_findings_on_equal_lines_have_different_fingerprints() -> None:
    twice = findings(None, "def f(a=[]): pass\n\n\ndef f(a=[]): pass\n")
    assert len({each.fingerprint for each in twice}) == 2


def test_a_match_that_is_only_partly_new_is_put_on_its_new_lines() -> None:
    before = "subprocess.run(\n    command,\n    check=True,\n)\n"
    (found,) = findings(before, before.replace("check=True", "shell=True"))
    assert (found.start_line, found.end_line) == (3, 3)
