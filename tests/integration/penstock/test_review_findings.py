"""What `penstock review` finds without a model, and what it says it has not looked at."""

import json
from pathlib import Path

import jsonschema
import pytest

import penstock.reviewing
from tests.integration.penstock.conftest import Review
from tests.integration.penstock.working_copies import SINFUL_PLACES, SINS, WorkingCopy

SCHEMA = json.loads((Path(penstock.reviewing.__file__).parent / "review.schema.json").read_text())


def test_each_structural_rule_points_at_its_lines(copy: WorkingCopy, review: Review) -> None:
    copy.write("sins.py", SINS)
    printed = review("--format", "json")
    assert printed.places() == [(rule, "sins.py", first, last) for rule, first, last in SINFUL_PLACES]
    assert {each["severity"] for each in printed.findings} == {"high", "medium"}
    assert {each["source"] for each in printed.findings} == {"ast"}


def test_the_document_follows_its_schema_and_is_the_same_every_time(copy: WorkingCopy, review: Review) -> None:
    copy.write("sins.py", SINS)
    copy.write("more/sins.py", SINS)
    copy.write("image.bin", b"\0\1\2")
    copy.write("app.py", "class Greeter:\n    def greet(self):\n        return 'hello'\n")
    copy.commit()
    first = review("--format", "json")
    jsonschema.validate(first.document, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert len(first.findings) == 6
    assert review("--format", "json").out == first.out


def test_the_schema_refuses_what_it_does_not_know() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"schema_version": 2}, SCHEMA)


def test_only_changed_lines_are_spoken_of(copy: WorkingCopy, review: Review) -> None:
    copy.write("sins.py", SINS)
    copy.commit("Sin")
    copy.write("sins.py", SINS + "\n\ndef more(a={}):\n    return a\n")
    printed = review("HEAD", "--format", "json")
    assert printed.places() == [("python-mutable-default-argument", "sins.py", 16, 16)]


def test_a_comment_in_the_code_silences_its_line(copy: WorkingCopy, review: Review) -> None:
    copy.write(
        "sins.py", "def f(a=[]):  # penstock: ignore[python-mutable-default-argument] never changed\n    return a\n"
    )
    printed = review("--format", "json")
    assert (printed.code, printed.findings) == (0, [])


def test_changed_symbols_come_with_their_signatures(copy: WorkingCopy, review: Review) -> None:
    copy.write("app.py", "def greet(name):\n    return 'hello ' + name\n\n\nclass New:\n    pass\n")
    (file,) = review("--format", "json").document["files"]
    assert (file["path"], file["status"], file["language"]) == ("app.py", "modified", "python")
    assert [(each["name"], each["kind"], each["change"]) for each in file["symbols"]] == [
        ("greet", "function", "signature"),
        ("New", "class", "added"),
    ]
    assert (file["symbols"][0]["signature"], file["symbols"][0]["old_signature"]) == ("def greet(name)", "def greet()")


def test_what_is_not_reviewed_is_listed_with_its_reason(copy: WorkingCopy, review: Review) -> None:
    copy.write("gone.py", "a = 1\n")
    copy.commit()
    (copy.folder / "gone.py").unlink()
    copy.write("picture.png", b"\x89PNG\0\0")
    copy.write("main.go", "package main\n")
    copy.write("package-lock.json", '{"a": 1}\n')
    printed = review("HEAD", "--format", "json")
    assert printed.reasons() == {
        "gone.py": "deleted",
        "picture.png": "binary",
        "package-lock.json": "generated",
        "main.go": "no model looked, and the structural rules did not either: no grammar",
    }
    assert {each["path"]: each["status"] for each in printed.document["files"]}["gone.py"] == "deleted"


def test_a_renamed_file_is_reviewed_where_it_is_now(copy: WorkingCopy, review: Review) -> None:
    text = "".join(f"line_{number} = {number}\n" for number in range(20))
    copy.write("old.py", text)
    copy.commit()
    copy.git("mv", "old.py", "new.py")
    copy.write("new.py", text + "def f(a=[]):\n    return a\n")
    copy.git("add", "new.py")
    printed = review("--staged", "--format", "json")
    assert printed.places() == [("python-mutable-default-argument", "new.py", 21, 21)]
    assert [(each["path"], each["status"]) for each in printed.document["files"]] == [("new.py", "renamed")]


@pytest.mark.parametrize("name", ["grüße.py", "日本/コード.py", "with space.py", 'quo"te.py', "tab\there.py"])
def test_any_name_of_a_file_comes_through(copy: WorkingCopy, review: Review, name: str) -> None:
    copy.write(name, "def f(a=[]):\n    return a\n")
    copy.commit("Odd names")
    assert review("--format", "json").places() == [("python-mutable-default-argument", name, 1, 1)]
    assert review().code == 0


def test_a_file_with_a_broken_syntax_is_reviewed_as_far_as_it_goes(copy: WorkingCopy, review: Review) -> None:
    copy.write("broken.py", "def f(a=[]):\n    return a\n\ndef (:\n")
    printed = review("--format", "json")
    assert printed.places() == [("python-mutable-default-argument", "broken.py", 1, 1)]


def test_the_configuration_is_that_of_the_base(copy: WorkingCopy, review: Review) -> None:
    copy.write(".penstock.yaml", "ignore_rules: ['python-*']\n")
    copy.write("sins.py", SINS)
    assert len(review("main...WORKTREE", "--format", "json").findings) == 3
    copy.git("add", ".penstock.yaml")
    copy.git("commit", "--quiet", "--message", "Configure")
    printed = review("HEAD", "--format", "json")
    assert printed.findings == []
    assert "sins.py" not in printed.reasons()


def test_what_is_wrong_in_the_configuration_is_said(copy: WorkingCopy, review: Review) -> None:
    copy.write(".penstock.yaml", "nonsense: 1\n")
    copy.commit("Configure")
    copy.write("sins.py", SINS)
    assert "`nonsense` is not a setting" in " ".join(review("HEAD").out.split())
