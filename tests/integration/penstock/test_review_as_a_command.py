"""`penstock review` as a program: its streams, its exit codes, what it loads."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from penstock.reviewing.command import Request, perform
from tests.integration.penstock.working_copies import SINS, WorkingCopy
from tests.support.git_repositories import ISOLATED

HEAVY = ("confluent_kafka", "fastapi", "httpx", "psycopg", "pydantic", "sqlalchemy", "starlette", "uvicorn", "yaml")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def penstock(folder: Path, *arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "penstock.cli", *arguments]
    return subprocess.run(command, cwd=folder, env=ISOLATED | environ, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], 1),
        (["--fail-on", "critical"], 0),
        (["--fail-on", "high"], 1),
        (["--fail-on", "medium"], 1),
        (["--fail-on", "never"], 0),
        (["nosuch"], 2),
        (["--format", "xml"], 2),
    ],
)
def test_the_exit_code_is_for_machines(copy: WorkingCopy, arguments: list[str], code: int) -> None:
    copy.write("sins.py", SINS)
    ended = penstock(copy.folder, "review", *arguments)
    assert ended.returncode == code
    assert "Traceback" not in ended.stderr


def test_a_pipe_gets_plain_text_and_no_progress(copy: WorkingCopy) -> None:
    copy.write("grüße.py", SINS)
    ended = penstock(copy.folder, "review")
    assert (ended.stderr, "\x1b" in ended.stdout) == ("", False)
    assert "grüße.py:4" in ended.stdout


def test_a_stream_that_cannot_show_a_character_shows_its_number(copy: WorkingCopy) -> None:
    copy.write("grüße.py", SINS)
    ended = penstock(copy.folder, "review", PYTHONIOENCODING="ascii")
    assert ended.returncode == 1
    assert "gr\\xfc\\xdfe.py:4" in ended.stdout


def test_without_a_model_nothing_heavy_is_loaded(copy: WorkingCopy) -> None:
    copy.write("sins.py", SINS)
    program = "import sys\nfrom penstock.cli import main\nmain(['review'])\nprint('loaded', *sys.modules)"
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, cwd=copy.folder, env=ISOLATED, capture_output=True, text=True, check=True)
    loaded = set(ended.stdout.rpartition("loaded")[2].split())
    assert "penstock_ast.analysis" in loaded
    assert sorted(loaded & set(HEAVY)) == []


def test_help_loads_nothing_of_a_review(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom penstock.cli import main\n"
        "try:\n    main(['review', '--help'])\nexcept SystemExit:\n    print('loaded', *sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=ISOLATED, capture_output=True, text=True, check=True
    )
    said, _, loaded = ended.stdout.rpartition("loaded")
    assert "exit codes:" in said
    assert not [name for name in loaded.split() if name.startswith("penstock.reviewing")]


async def shown(copy: WorkingCopy, *, colour: bool = True, **environ: str) -> tuple[str, str]:
    out, err = Terminal(), Terminal()
    await perform(Request(copy.folder, colour=colour), ISOLATED | environ, out, err)
    return out.getvalue(), err.getvalue()


async def test_a_terminal_gets_colours_and_sees_how_far_it_is(copy: WorkingCopy) -> None:
    copy.write("sins.py", SINS)
    out, err = await shown(copy)
    assert "\x1b[31mhigh" in out
    assert "penstock: analysing syntax …" in err
    assert err.endswith("\r\x1b[2K")


async def test_whoever_wants_no_colour_gets_none(copy: WorkingCopy) -> None:
    copy.write("sins.py", SINS)
    for out, _ in (
        await shown(copy, colour=False),
        await shown(copy, NO_COLOR="1"),
        await shown(copy, TERM="dumb"),
    ):
        assert "\x1b" not in out


async def test_nothing_is_left_in_the_working_copy(copy: WorkingCopy) -> None:
    copy.write("sins.py", SINS)
    copy.git("add", "sins.py")
    copy.write("new.py", SINS)

    def everything() -> dict[str, bytes]:
        return {
            os.path.join(folder, name): Path(folder, name).read_bytes()
            for folder, _, names in os.walk(copy.folder)
            for name in names
        }

    before = everything()
    await shown(copy)
    assert everything() == before
