"""What never leaves the house, and what does."""

import time

import pytest

from penstock_llm_review.redact import PLACEHOLDER, redact, redact_lines

# Put together at run time, so that no scanner of this repository takes them for real ones.
GITHUB = "ghp_" + "a1B2" * 9
AWS = "AKIA" + "ABCDEFGH12345678"
JWT = ".".join(("eyJ" + "hbGciOiJIUzI1NiJ9", "eyJ" + "zdWIiOiIxMjM0In0", "c2lnbmF0dXJl" * 2))


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        (f"token = read('{GITHUB}')", GITHUB),
        (f"aws = {AWS}", AWS),
        (f"curl -H 'Authorization: Bearer {JWT}'", JWT),
        ("Authorization: Basic dXNlcjpwYXNzd29yZDEyMw==", "dXNlcjpwYXNzd29yZDEyMw=="),
        ("url = 'postgresql://shop:hunter2secret@db/shop'", "hunter2secret"),
        ('password = "correct horse"', "correct horse"),
        ("DB_PASSWORD=abc123def456", "abc123def456"),
        ("  api-key: 9f8e7d6c5b4a", "9f8e7d6c5b4a"),
        ('config["client_secret"] = "s3cr3t-v4lue"', "s3cr3t-v4lue"),
        ('token: str = "s3cr3t-v4lue"', "s3cr3t-v4lue"),
        ("export NPM_TOKEN=npm_" + "x9" * 18, "npm_" + "x9" * 18),
        ("key = 'sk-proj-" + "Ab1_" * 8 + "'", "Ab1_" * 8),
    ],
)
def test_secrets_are_taken_out_and_the_rest_of_the_line_stays(line: str, secret: str) -> None:
    redacted = redact(line)
    assert secret not in redacted
    assert PLACEHOLDER in redacted
    assert redacted.split(PLACEHOLDER)[0] == line.split(secret, maxsplit=1)[0][: len(redacted.split(PLACEHOLDER)[0])]


@pytest.mark.parametrize(
    "line",
    [
        "def password_is_valid(password: str) -> bool:",
        "token = tokens.next()",
        "token = default_token_of_user",
        'password = os.environ["DB_PASSWORD"]',
        'token_url = "https://example.com/oauth/token"',
        'secret_name = "shop-database"',
        'password: "${DB_PASSWORD}"',
        "see https://example.com:8080/path@v2",
        "commit 0123456789abcdef0123456789abcdef01234567",
        "def task-skeleton-of-something-long():",
    ],
)
def test_code_that_only_speaks_of_secrets_stays_as_it_is(line: str) -> None:
    assert redact(line) == line


def test_a_private_key_is_taken_out_line_by_line() -> None:
    lines = [
        "KEY = '''",
        "-----BEGIN RSA " + "PRIVATE KEY-----",
        "MIIEowIBAAKCAQEA7bq8/abc+DEF==",
        "-----END RSA " + "PRIVATE KEY-----",
        "after = 1",
    ]
    assert redact_lines(lines) == ("KEY = '''", PLACEHOLDER, PLACEHOLDER, PLACEHOLDER, "after = 1")


def test_a_key_that_never_ends_does_not_swallow_the_code_below_it() -> None:
    lines = ["-----BEGIN " + "PRIVATE KEY-----", "MIIEowIBAAKCAQEA7bq8", "def f(x): return x * 2"]
    assert redact_lines(lines)[2] == "def f(x): return x * 2"


def test_the_number_of_lines_never_changes() -> None:
    text = f"a\n\n{GITHUB}\r\npassword = 'abcdefgh'\n"
    assert redact(text).count("\n") == text.count("\n")


@pytest.mark.parametrize("piece", ["a", "password", "secret-", "://", "eyJ", "token='", "-", "key:"])
def test_no_line_takes_long_however_it_is_made(piece: str) -> None:
    began = time.process_time()
    redact(piece * (19_000 // len(piece)))
    assert time.process_time() - began < 2.0
