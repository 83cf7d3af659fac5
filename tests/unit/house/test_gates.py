"""Each house rule is broken once here, so that none of them is a rule in name only."""

from pathlib import PurePosixPath

import pytest

from tools.gates import complaints

FUNCTION_OF_45 = "def long() -> None:\n" + "    pass\n" * 44
FUNCTION_OF_51 = "def longer() -> None:\n" + "    pass\n" * 50
BROAD = "try:\n    pass\nexcept {}:\n    pass\n"


def complaint_about(path: str, text: str, *others: str) -> list[str]:
    files = {path: text, **dict.fromkeys(others, "")}
    return list(complaints({PurePosixPath(name): text for name, text in files.items()}))


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("packages/a/src/a/b.py", "x = 1\n" * 401, "has 401 lines; 400 are allowed"),
        (
            "packages/a/src/a/b.py",
            FUNCTION_OF_51 + "def f() -> None: ...\n" * 30,
            "longer has 51 lines; 50 are allowed",
        ),
        ("packages/a/src/a/b.py", FUNCTION_OF_45 + "def f() -> None: ...\n" * 18, "94.7% of the functions"),
        ("packages/a/src/a/b.py", BROAD.format("Exception"), "catches everything"),
        ("packages/a/src/a/b.py", BROAD.format("(ValueError, BaseException)"), "catches everything"),
        ("services/ast/src/penstock_ast/b.py", BROAD.replace(" {}", ""), "catches everything"),
        ("services/ast/__init__.py", "", "one of Python's own"),
        ("services/ast/src/__init__.py", "", "one of Python's own"),
        ("packages/a/uv.lock", "", "commit requirements.lock"),
        ("README.md", "see /" + "home/somebody/x", "somebody's home"),
        ("README.md", "see /" + "root/x", "somebody's home"),
    ],
)
def test_what_breaks_a_rule_is_named(path: str, text: str, said: str) -> None:
    (complaint,) = complaint_about(path, text)
    assert said in complaint


def test_a_test_folder_without_init_is_named_and_so_is_each_one_above_it() -> None:
    found = complaint_about("tests/unit/penstock_a/test_b.py", "", "tests/__init__.py")
    assert [line.partition(":")[0] for line in found] == [
        "tests/unit/__init__.py",
        "tests/unit/penstock_a/__init__.py",
    ]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("packages/a/src/a/b.py", "x = 1\n" * 400),
        ("packages/a/src/a/b.py", FUNCTION_OF_45 + "def f() -> None: ...\n" * 19),
        ("packages/a/src/a/b.py", BROAD.format("ValueError")),
        ("packages/eventlog/src/penstock_eventlog/loop.py", BROAD.format("Exception")),
        ("packages/a/src/a/b.py", BROAD.format("BaseException").replace("    pass\n", "    raise\n")),
        ("services/ast/src/penstock_ast/__init__.py", ""),
        ("README.md", "POST https://example.org/home/page and the root/folder"),
    ],
)
def test_what_keeps_to_the_rules_is_not_complained_about(path: str, text: str) -> None:
    assert complaint_about(path, text) == []
