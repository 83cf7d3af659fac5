"""Every service by its name. One file names them all; nobody else does."""

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import cast

from penstock_eventlog.workbench import Assemble
from penstock_runtime.service import Build

BOOTSTRAPS: Mapping[str, str] = MappingProxyType(
    {
        "orchestrator": "penstock_orchestrator.bootstrap",
        "prepare": "penstock_prepare.bootstrap",
        "ast": "penstock_ast.bootstrap",
        "llm-review": "penstock_llm_review.bootstrap",
        "commenter": "penstock_commenter.bootstrap",
        "console": "penstock_console.bootstrap",
        "ingest": "penstock_ingest.bootstrap",
    }
)


def build_of(service: str) -> Build:
    return cast(Build, import_module(BOOTSTRAPS[service]).build)


def assemble_of(service: str) -> Assemble:
    """Of a worker that shall stand on a workbench it did not open."""
    return cast(Assemble, import_module(BOOTSTRAPS[service]).assemble)
