from dataclasses import dataclass
from pathlib import Path

import pytest

from penstock_runtime import parsers
from penstock_runtime.errors import SettingsError
from penstock_runtime.parsers import Parser, Secret
from penstock_runtime.retry import FAST, RetryPolicy
from penstock_runtime.settings import declared_in, load, platform_access, refuse_unknown, secrets_in, setting, table


@dataclass(frozen=True, slots=True)
class Example:
    token: Secret = setting("PENSTOCK_API_TOKEN", parsers.secret, about="who may ask")
    port: int = setting("PENSTOCK_INGEST_PORT", parsers.port, 3332, about="where webhooks arrive")
    model: str | None = setting("PENSTOCK_LLM_MODEL", parsers.text, None, about="which model")
    policy: RetryPolicy = setting("PENSTOCK_EXAMPLE_RETRY", parsers.retry_policy, FAST, about="how to try again")


def problems(environ: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as raised:
        load(Example, environ)
    return raised.value.problems


def test_settings_are_read_with_their_defaults() -> None:
    settings = load(Example, {"PENSTOCK_API_TOKEN": "opensesame", "PENSTOCK_INGEST_PORT": " 8080 ", "HOME": "/"})
    assert settings == Example(token=Secret("opensesame"), port=8080, model=None, policy=FAST)
    assert settings.token.reveal() == "opensesame"


def test_every_variable_can_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("from-a-file\n")
    assert load(Example, {"PENSTOCK_API_TOKEN_FILE": str(file)}).token.reveal() == "from-a-file"


def test_a_file_that_cannot_be_read_is_named_with_the_reason() -> None:
    (problem,) = problems({"PENSTOCK_API_TOKEN_FILE": "/nowhere/token"})
    assert problem.startswith("PENSTOCK_API_TOKEN_FILE='/nowhere/token' cannot be read (No such file or directory)")


def test_a_variable_and_its_file_are_not_both_accepted(tmp_path: Path) -> None:
    (problem,) = problems({"PENSTOCK_API_TOKEN": "abcd", "PENSTOCK_API_TOKEN_FILE": str(tmp_path)})
    assert problem == "PENSTOCK_API_TOKEN and PENSTOCK_API_TOKEN_FILE are both set: remove one of them"


def test_a_missing_secret_stops_the_start_by_name() -> None:
    for environ in ({}, {"PENSTOCK_API_TOKEN": "  "}):
        (problem,) = problems(environ)
        assert problem.startswith("PENSTOCK_API_TOKEN is missing: set it, or PENSTOCK_API_TOKEN_FILE")


def test_a_bad_value_is_named_with_what_is_expected_and_the_default() -> None:
    (problem,) = problems({"PENSTOCK_API_TOKEN": "abcd", "PENSTOCK_INGEST_PORT": "99999"})
    assert problem == (
        "PENSTOCK_INGEST_PORT='99999' is not valid: expected a port from 1 to 65535, or 0 for any free one, "
        "or remove it (the default is 3332)"
    )


def test_an_unknown_variable_is_refused_with_the_nearest_known_name() -> None:
    (problem,) = problems({"PENSTOCK_API_TOKEN": "abcd", "PENSTOCK_INGEST_PRT": "1"})
    assert problem == "PENSTOCK_INGEST_PRT is not a setting: did you mean PENSTOCK_INGEST_PORT?"


def test_an_unknown_variable_without_a_near_name_is_refused_with_a_remedy() -> None:
    with pytest.raises(SettingsError, match="PENSTOCK_ZZZ is not a setting: remove it"):
        refuse_unknown({"PENSTOCK_ZZZ": "1"})


def test_variables_of_other_services_and_of_other_programs_are_not_refused() -> None:
    refuse_unknown({"PENSTOCK_LLM_KEY_FILE": "/x", "PENSTOCK_GITHUB_TOKEN": "x", "PENSTOCKER": "1", "PATH": "/bin"})


def test_all_problems_are_told_at_once() -> None:
    found = problems({"PENSTOCK_INGEST_PORT": "x", "PENSTOCK_NONSENSE_HERE": "1", "PENSTOCK_EXAMPLE_RETRY": "never"})
    assert [problem.split()[0].split("=")[0] for problem in found] == [
        "PENSTOCK_NONSENSE_HERE",
        "PENSTOCK_API_TOKEN",
        "PENSTOCK_INGEST_PORT",
        "PENSTOCK_EXAMPLE_RETRY",
    ]


def test_a_bad_secret_is_named_and_not_shown() -> None:
    @dataclass(frozen=True, slots=True)
    class Database:
        url: Secret = setting("PENSTOCK_DATABASE_URL", parsers.secret_url("postgresql"), about="the store")

    with pytest.raises(SettingsError) as raised:
        load(Database, {"PENSTOCK_DATABASE_URL": "mysql://me:hunter2@db/x"})
    assert "PENSTOCK_DATABASE_URL is not valid: expected an address that starts with postgresql://" in str(raised.value)
    assert "hunter2" not in str(raised.value)
    shown = repr(load(Database, {"PENSTOCK_DATABASE_URL": "postgresql://me:hunter2@db/x"}))
    assert "hunter2" not in shown
    assert "Secret(***)" in shown


def test_the_platforms_that_are_set_are_found_by_their_variables() -> None:
    found = platform_access(
        {
            "PENSTOCK_GITHUB_TOKEN": "abcd",
            "PENSTOCK_WEBHOOK_SECRET_BITBUCKET_DC": "efgh",
            "PENSTOCK_BITBUCKET_DC_URL": "https://git.example/",
        }
    )
    assert sorted(found) == ["bitbucket-dc", "github"]
    server = found["bitbucket-dc"]
    assert (server.url, server.token, server.webhook_secret) == ("https://git.example", None, Secret("efgh"))
    assert "efgh" not in repr(server)


def test_the_address_of_a_platform_is_checked() -> None:
    with pytest.raises(SettingsError, match="PENSTOCK_GITEA_URL='ftp://x' is not valid"):
        platform_access({"PENSTOCK_GITEA_URL": "ftp://x"})


def test_the_secrets_of_an_environment_are_found_for_redaction() -> None:
    environ = {"PENSTOCK_LLM_KEY": "sk-1", "PENSTOCK_GITLAB_TOKEN": "glpat", "PENSTOCK_LLM_MODEL": "large"}
    assert secrets_in(environ) == {"sk-1", "glpat"}


def test_the_table_for_the_documentation_has_every_variable_once_and_sorted() -> None:
    assert table([Example, Example]).splitlines()[2:] == [
        "| `PENSTOCK_API_TOKEN` | required | a secret that is not empty | who may ask |",
        f"| `PENSTOCK_EXAMPLE_RETRY` | {FAST} | {parsers.retry_policy.expects} | how to try again |",
        "| `PENSTOCK_INGEST_PORT` | 3332 | a port from 1 to 65535, or 0 for any free one | where webhooks arrive |",
        "| `PENSTOCK_LLM_MODEL` | none | a text that is not empty | which model |",
    ]
    assert [item.name for item in declared_in(Example) if item.secret] == ["PENSTOCK_API_TOKEN"]


@pytest.mark.parametrize(
    ("parser", "text", "value"),
    [
        (parsers.duration("0"), "30", 30.0),
        (parsers.duration("0"), "0", 0.0),
        (parsers.duration("500ms"), "500ms", 0.5),
        (parsers.duration("0"), "1.5h", 5400.0),
        (parsers.size, "64KiB", 65536),
        (parsers.size, "10 MB", 10_000_000),
        (parsers.flag, "On", True),
        (parsers.flag, "0", False),
        (parsers.words, "a, b,,c", ("a", "b", "c")),
        (parsers.path, "/x/y", Path("/x/y")),
        (parsers.one_of("cooperative", "eager"), "Eager", "eager"),
        (parsers.number(0, 1), "0.25", 0.25),
        (parsers.optional(parsers.port, "off"), "off", None),
        (parsers.optional(parsers.port, "off"), "0", 0),
        (parsers.duration("0"), "3650d", 315_360_000.0),
        (parsers.url("http", "https"), "https://x/y", "https://x/y"),
        (parsers.url("http"), "http://[::1]:80", "http://[::1]:80"),
        *(
            (parsers.secret_url("postgresql"), url, Secret(url))
            for url in (
                "postgresql://u:a#b?c:d@host:5432/db",
                "postgresql://one:5432,two:5433/db",
                "postgresql:///db?host=/tmp/socket",
                "postgresql://host?user=u:v",
            )
        ),
        (parsers.log_format, "JSON", "json"),
    ],
)
def test_a_parser_reads_what_it_says_it_expects(parser: Parser[object], text: str, value: object) -> None:
    assert parser.read(text) == value


@pytest.mark.parametrize(
    ("parser", "text"),
    [
        (parsers.duration("0"), "soon"),
        (parsers.duration("0"), "-1s"),
        (parsers.duration("0"), "3651d"),
        (parsers.duration("0"), "9" * 400),
        (parsers.duration("0"), "inf"),
        (parsers.duration("10s"), "0"),
        (parsers.duration("10s"), "9999ms"),
        (parsers.retry_policy, "standard,cap=inf,base=inf"),
        (parsers.retry_policy, "standard,increment=inf"),
        (parsers.retry_policy, "standard,multiplier=1e300"),
        (parsers.retry_policy, "standard,jitter=nan"),
        (parsers.url("http"), "http://[::1"),
        (parsers.url("http"), "http://host:port"),
        (parsers.secret_url("postgresql"), "postgresql://u:p@host:port/db"),
        (parsers.secret_url("postgresql"), "postgresql://u:p@host:5432,other:99999/db"),
        (parsers.size, "1 parsec"),
        (parsers.flag, "maybe"),
        (parsers.port, "65536"),
        (parsers.number(0, 1), "nan"),
        (parsers.one_of("a"), "b"),
        (parsers.url("http"), "http:"),
        (parsers.log_format, "xml"),
        (parsers.text, ""),
    ],
)
def test_a_parser_refuses_the_rest(parser: Parser[object], text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        parser.read(text)
