"""Ordinary mistakes end with one line that says what to correct, and never with a traceback."""

import argparse

import httpx
import pytest

from penstock.cli import main
from penstock.commands import db
from penstock.operating.console import Console
from penstock.operating.ending import MISUSED, code_of
from penstock.operating.errors import NoConsole
from penstock_runtime.errors import SettingsError
from penstock_store.migrations import check
from penstock_store.postgres.store import PostgresStore


@pytest.mark.parametrize(
    ("variables", "command", "named"),
    [
        ({}, "jobs --since 9999999d", "9999999d"),
        ({}, "jobs --since 0001-01-01T00:00:00+14:00", "0001-01-01"),
        ({}, "jobs --url http://[::1", "--url"),
        ({}, "jobs --url http://127.0.0.1:port", "--url"),
        ({}, "jobs --url jobs.example", "--url"),
        ({"PENSTOCK_CONSOLE_URL": "http://[::1"}, "jobs", "PENSTOCK_CONSOLE_URL"),
        ({"PENSTOCK_API_TOKEN": "töken"}, "jobs", "PENSTOCK_API_TOKEN"),
        ({"PENSTOCK_API_TOKEN": "töken"}, "dlq ls", "PENSTOCK_API_TOKEN"),
        ({"PENSTOCK_DATABASE_URL": "postgresql://u:p@host:port/db"}, "db check", "PENSTOCK_DATABASE_URL"),
        ({"PENSTOCK_DATABASE_URL": "foo"}, "db upgrade", "PENSTOCK_DATABASE_URL"),
        ({"PENSTOCK_DATABASE_URL": "foo"}, "up", "PENSTOCK_DATABASE_URL"),
        ({"PENSTOCK_DATABASE_URL": "foo", "PENSTOCK_DATABASE_URL_FILE": "bar"}, "up", "PENSTOCK_DATABASE_URL_FILE"),
        ({"PENSTOCK_DATABASE_URL": "postgresql://u:p@127.0.0.1:1/x?nosuch=1"}, "db check", '"nosuch" is no option'),
        ({"PENSTOCK_DATABASE_URL": "postgresql://u:p@127.0.0.1:1/x?nosuch=1"}, "db refold", '"nosuch" is no option'),
        ({"PENSTOCK_DATABASE_URL": "postgresql://u:p@127.0.0.1:1/x?nosuch=1"}, "up", '"nosuch" is no option'),
        ({"PENSTOCK_DATA_DIR": "/dev/null/nowhere"}, "up", "PENSTOCK_DATA_DIR"),
        ({"PENSTOCK_DATA_DIR": "~nosuchuser/x"}, "up", "PENSTOCK_DATA_DIR"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(
    variables: dict[str, str],
    command: str,
    named: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("PENSTOCK_DATABASE_URL", "PENSTOCK_DATA_DIR", "PENSTOCK_API_TOKEN", "PENSTOCK_CONSOLE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert main(command.split()) == MISUSED
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"penstock {command.split(maxsplit=1)[0]}: ")
    assert named in line


@pytest.mark.parametrize("command", ["up", "db check"])
def test_who_has_no_home_is_told_to_name_a_folder(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("PENSTOCK_DATABASE_URL", "PENSTOCK_DATA_DIR", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 2**30)  # a user that the system does not know, as in a container
    assert main(command.split()) == MISUSED
    (line,) = capsys.readouterr().err.splitlines()
    assert "set it to a folder, or set HOME" in line


async def test_an_address_that_libpq_cannot_read_is_not_quoted_with_its_password() -> None:
    with pytest.raises(SettingsError, match="PENSTOCK_DATABASE_URL") as refused:
        await PostgresStore.open("postgresql://u:hidden@[::1/x")
    assert "hidden" not in str(refused.value)


async def test_a_server_that_answers_something_else_is_no_console() -> None:
    page = httpx.MockTransport(lambda _: httpx.Response(200, html="<h1>It works</h1>"))
    async with Console("http://web.test", "", page) as console:
        with pytest.raises(NoConsole, match=r"http://web\.test is not the jobs API") as refused:
            await console.jobs({})
    assert code_of(refused.value) == MISUSED


def test_migrations_say_it_where_an_address_names_several_servers() -> None:
    with pytest.raises(SettingsError, match="PENSTOCK_DATABASE_URL"):
        check("postgresql://one:5432,two:5432/db")


@pytest.mark.parametrize("margin", ["-86400", "soon", "99999999999"])
def test_a_margin_that_would_skip_what_is_missing_is_refused(margin: str, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    db.add_arguments(parser)
    with pytest.raises(SystemExit, match="2"):
        parser.parse_args(["after-restore", f"--margin={margin}"])
    assert "--margin" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("jobs run-1 --status FAILED", "--status"),
        ("jobs run-1 --limit 3", "--limit"),
        ("jobs run-1 --reason why", "--reason"),
        ("jobs --reason why", "--reason"),
        ("jobs ls --part 3", "--part"),
        ("jobs cancel run-1 --repository acme/shop", "--repository"),
        ("jobs pause run-1 --stage ast", "--stage"),
        ("jobs replay run-1 --part 3 --waiting-for turn", "--waiting-for, --part"),
        ("jobs retry run-1 --type CODE_REVIEW", "--type"),
        ("dlq redrive letter-1 --stream s", "--all"),
        ("topics --json", "--print"),
    ],
)
def test_an_option_that_these_words_do_not_read_is_refused_instead_of_ignored(
    command: str, named: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PENSTOCK_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    monkeypatch.setenv("PENSTOCK_CONSOLE_URL", "http://127.0.0.1:1")
    assert main(command.split()) == MISUSED
    (line,) = capsys.readouterr().err.splitlines()
    assert named in line


@pytest.mark.parametrize("length", [8_000, 100_000])
@pytest.mark.parametrize(
    "command",
    [
        "jobs",
        "jobs --stream",
        "jobs --after",
        "jobs cancel",
        "dlq ls --reason",
        "dlq unblock",
        "config forget --repository",
    ],
)  # fmt: skip
def test_what_no_address_can_carry_is_refused_in_one_line(
    command: str, length: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PENSTOCK_CONSOLE_URL", "http://127.0.0.1:1")
    assert main([*command.split(), "x" * length]) == MISUSED
    (line,) = capsys.readouterr().err.splitlines()
    assert "too long" in line
    assert len(line) < 200


def test_a_long_address_is_refused_in_a_short_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["jobs", "--url", f"http://{'x' * 100_000}"]) == MISUSED
    (line,) = capsys.readouterr().err.splitlines()
    assert len(line) < 400


@pytest.mark.parametrize(
    "command",
    [
        ["jobs", "--repository", ""],
        ["jobs", "--url", " "],
        ["dlq", "redrive", "--all", "--stream", ""],
        ["dlq", "discard", "letter-1", "--reason", ""],
        ["dlq", "redrive", "letter-1", "--wait", "-1"],
        ["dlq", "redrive", "letter-1", "--wait", "nan"],
        ["config", "forget", "--organisation", ""],
    ],
)
def test_an_option_without_a_value_is_not_as_if_it_were_not_there(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(command)
    assert f"argument {command[-2]}" in capsys.readouterr().err
