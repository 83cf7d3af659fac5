"""What is generated is fresh, and the check says what is not."""

import dataclasses
import subprocess
import sys
from pathlib import Path

from penstock_contracts.facts import FACTS
from penstock_contracts.flow import TOPICS
from penstock_contracts.generate import generated, stale, write

ROOT = Path(__file__).resolve().parents[2]


def check(root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "penstock_contracts.generate", "--check", "--root", str(root)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_schemas_examples_and_the_flow_page_are_fresh() -> None:
    assert stale(ROOT, generated()) == [], "run `make generate` and look at what has changed"


def test_generating_twice_gives_the_same_files() -> None:
    assert generated() == generated()


def test_the_check_passes_on_what_was_written(tmp_path: Path) -> None:
    write(tmp_path, generated())

    checked = check(tmp_path)

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_the_check_names_each_file_that_is_edited_missing_or_left_over(tmp_path: Path) -> None:
    write(tmp_path, generated())
    (tmp_path / "docs/flow.md").write_text("# Another flow\n")
    (tmp_path / "schemas/ast.completed.avsc").unlink()
    (tmp_path / "schemas/examples/gone.type.json").write_text("{}\n")

    checked = check(tmp_path)

    assert checked.returncode == 1
    assert checked.stdout.splitlines() == [
        "docs/flow.md: is stale",
        "schemas/ast.completed.avsc: is stale",
        "schemas/examples/gone.type.json: is stale",
    ]
    assert "run `make generate`" in checked.stderr


def test_writing_removes_what_is_left_over_and_leaves_released_versions_alone(tmp_path: Path) -> None:
    released = tmp_path / "schemas/released/gone.type/7.avsc"
    left_over = tmp_path / "schemas/gone.type.avsc"
    released.parent.mkdir(parents=True)
    for path in (released, left_over):
        path.write_text("{}\n")

    write(tmp_path, generated())

    assert released.exists()
    assert not left_over.exists()


def test_the_flow_page_has_every_topic_every_fact_and_every_field() -> None:
    page = (ROOT / "docs/flow.md").read_text()
    fields = {field.name for fact in FACTS for field in dataclasses.fields(fact)}

    assert [topic.name for topic in TOPICS if f"| `{topic.name}` |" not in page] == []
    assert [fact.TYPE for fact in FACTS if f"\n### {fact.TYPE}\n" not in page] == []
    assert [name for name in sorted(fields) if f"| `{name}` |" not in page] == []
