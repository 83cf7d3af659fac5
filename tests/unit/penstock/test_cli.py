"""The command line as a whole: it is there at once, and what it is told wrong it answers with what there is."""

import subprocess
import sys
import time

import pytest

from penstock.cli import COMMANDS, Command, main

SLOW = ("asyncio", "fastapi", "httpx", "psycopg", "pydantic", "sqlalchemy", "confluent_kafka", "penstock_store")


def test_help_loads_nothing_that_takes_time() -> None:
    program = "import sys\nfrom penstock.cli import main\ntry: main(['--help'])\nexcept SystemExit: print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.PIPE, text=True).stdout
    loaded = set(told.splitlines()[-1].split())
    assert "penstock.cli" in loaded
    assert sorted(loaded & set(SLOW)) == []


def test_help_is_there_in_less_than_a_third_of_a_second() -> None:
    def once() -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "penstock.cli", "--help"], check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - began

    assert min(once() for _ in range(5)) < 0.3


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_is_in_the_help(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert f"\n    {command.name} " in capsys.readouterr().out


def test_a_command_that_is_none_is_answered_with_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["brew"])
    assert ended.value.code == 2
    assert "review" in capsys.readouterr().err
