"""A run and one of its stages, and a client of the API that knows the token."""

from dataclasses import replace
from datetime import UTC, datetime

import httpx

from penstock_console.api import build_app
from penstock_console.handler import Desk
from penstock_console.tokens import Tokens
from penstock_contracts.codec import Codec
from penstock_contracts.enums import JobStatus, WorkflowType
from penstock_store.memory.store import MemoryStore
from penstock_store.rows import JobRow

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
RUN = JobRow(
    id="run-1",
    parent_id=None,
    stream="github:github.com:42:7",
    type=WorkflowType.CODE_REVIEW,
    status=JobStatus.WAITING_FOR_EVENT,
    outcome="",
    reason="",
    error_class=None,
    head="a" * 40,
    base="b" * 40,
    epoch=1,
    stage="files_review",
    waiting_for="files.review.completed",
    waiting_since=NOON,
    waiting_until=None,
    correlation_id="d-1",
    created_at=NOON,
    finished_at=None,
    subject="github:acme/shop#7",
)
STAGE = replace(RUN, id="stage-1", parent_id="run-1", type=WorkflowType.AST_ANALYSIS, status=JobStatus.COMPLETED)
TOKEN = {"authorization": "Bearer s3cret-token"}


def client_of(store: MemoryStore, tokens: Tokens | None = None, host: str = "console.test") -> httpx.AsyncClient:
    app = build_app(Desk(store, Codec()), tokens or Tokens.read("alice s3cret-token"))
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(transport=transport, base_url=f"http://{host}", headers=TOKEN)
