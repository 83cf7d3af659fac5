"""Writes docs/settings.md from the settings classes of all processes; `--check` writes nothing and fails when it is
stale."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from penstock.operating.settings import ConsoleAddress
from penstock_ast.settings import AstSettings
from penstock_commenter.settings import CommenterSettings
from penstock_console.settings import ConsoleSettings
from penstock_eventlog.workbench import WorkerSettings
from penstock_ingest.settings import IngestSettings
from penstock_llm_review.settings import ModelSettings
from penstock_orchestrator.settings import KeepingSettings, OrchestratorSettings
from penstock_prepare.settings import PrepareSettings
from penstock_runtime.calls import OutgoingSettings
from penstock_runtime.names import instance_name, token_name, url_name, webhook_secret_name
from penstock_runtime.process import RuntimeSettings
from penstock_runtime.settings import declared_in, table
from penstock_sources.access import SourceSettings

PAGE = Path(__file__).resolve().parent.parent / "docs" / "settings.md"
SECTIONS: Mapping[str, tuple[type, ...]] = {
    "Every process": (RuntimeSettings,),
    "Every worker: orchestrator, prepare, ast, llm-review, commenter": (WorkerSettings,),
    "Ingest": (IngestSettings,),
    "Orchestrator": (OrchestratorSettings, KeepingSettings),
    "Prepare": (PrepareSettings, SourceSettings, OutgoingSettings),
    "Ast": (AstSettings, SourceSettings),
    "LLM review": (ModelSettings, OutgoingSettings),
    "Commenter": (CommenterSettings, OutgoingSettings),
    "Console": (ConsoleSettings,),
    "The command line": (ConsoleAddress, SourceSettings),
}
_INTRODUCTION = """\
# Settings

Written by `make generate` from the settings classes; a test fails when it is stale.

Every process reads its variables once, at its start. A value that is not understood, and a `PENSTOCK_` name that
nobody knows, end the start with a message that names it. Each variable can be given as `NAME`, or as `NAME_FILE` with
the path of a file that holds the value, which is meant for secrets. A variable that is set to nothing is not set.

`penstock up` is all processes at once: it reads everything below but `PENSTOCK_KAFKA_BOOTSTRAP`,
`PENSTOCK_KAFKA_CONFIG` and `PENSTOCK_TOPIC_PREFIX`; without `PENSTOCK_DATABASE_URL` it brings its own PostgreSQL.
"""
_PLATFORMS = f"""\
## Platforms

Of the platforms only GitHub is built; the variables of the others are reserved.

| variable | read by | what |
|---|---|---|
| `{webhook_secret_name("github")}` | ingest | what GitHub signs its webhooks with; two lines while one is replaced |
| `{token_name("github")}` | prepare, ast, commenter | reads pull requests and repositories; the commenter's writes |
| `{url_name("github")}` | ingest, prepare, ast, commenter | the address of the API; default: GitHub's own |
| `{instance_name("github")}` | ingest | the host by which its pull requests are known; default: that of the address |
"""
_OTHERS = """\
## Others

| variable | read by | what |
|---|---|---|
| `PENSTOCK_CACHE_DIR` | `make up`, tests | where what is fetched once is kept; default: the user's cache folder |
| `PENSTOCK_STEPS_FILE` | every process | for tests of crashes: where it writes which step it has passed |
| `PENSTOCK_CONFIG` | nobody yet | reserved for a file with several instances of a platform |
| `PENSTOCK_TEST_DATABASE_URL` | tests | a PostgreSQL to use instead of the embedded one |
| `PENSTOCK_TEST_KAFKA_BOOTSTRAP` | tests | brokers to use instead of a local one |

Of OpenTelemetry the standard variables are read, such as `OTEL_EXPORTER_OTLP_ENDPOINT`. Proxy and CA variables
(`HTTPS_PROXY`, `NO_PROXY`, `SSL_CERT_FILE`) are obeyed.
"""


def page() -> str:
    return "\n".join([_INTRODUCTION, *_sections(), _PLATFORMS, _OTHERS])


def documented() -> frozenset[str]:
    """The variables of the generated tables."""
    return frozenset(known.name for classes in SECTIONS.values() for cls in classes for known in declared_in(cls))


def _sections() -> Iterator[str]:
    for title, classes in SECTIONS.items():
        yield f"## {title}\n\n{table(classes)}"


def main() -> int:
    text = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text)
        return 0
    if PAGE.is_file() and PAGE.read_text() == text:
        return 0
    print("docs/settings.md: is stale; run `make generate`")
    return 1


if __name__ == "__main__":
    sys.exit(main())
