"""Ingest stays small: what it may not import, what it weighs, how fast it is up."""

import subprocess
import sys

FORBIDDEN = (
    "confluent_kafka",
    "sqlalchemy",
    "alembic",
    "fastapi",
    "pydantic",
    "httpx",
    "tree_sitter",
    "ast_grep_py",
    "opentelemetry.sdk",
    "faust",
    "penstock_eventlog",
    "penstock_changes",
    "penstock_platforms.github.client",
)
PROGRAM = f"""
import sys
import penstock_ingest.bootstrap
import uvicorn
from penstock_platforms import registry
registry.webhook("github")
found = [name for name in {FORBIDDEN!r} if name in sys.modules]
assert not found, found
for line in open("/proc/self/status"):
    if line.startswith("VmRSS"):
        print(line.split()[1])
"""


def test_it_imports_neither_kafka_nor_a_parser_nor_a_client_and_weighs_little() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 65 * 1024, f"{done.stdout.strip()} kB resident before it even listens"
