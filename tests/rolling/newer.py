"""The same code made into the next version, before anything of it is imported: what a release after this one might be.

Several facts have a field more, there is a fact that nobody emits yet, states are written in another way under the next
fold version, and the tables have a column more (newer), or one less that this version uses (contracted).
"""

import dataclasses
import os
from pathlib import Path
from typing import Any, ClassVar

from alembic.config import Config
from sqlalchemy import Connection

EXPAND, CONTRACT = "9001", "9002"
HEADS = {"newer": EXPAND, "contracted": CONTRACT}
FIELD, TEXT = "urgency", "none"
TOUCHED = ("PrReceived", "PrepareRequested", "ConfigResolved", "AstRequested", "AstCompleted", "CommentsRequested")
_MIGRATION = """
from alembic import op

revision, down_revision, branch_labels, depends_on = {revision!r}, {before!r}, None, None


def upgrade() -> None:
    op.execute({statement!r})
"""
_STATEMENTS = {
    EXPAND: "alter table workflow.workflow_jobs add column urgency text not null default ''",
    CONTRACT: f"update workflow.compatibility set oldest = '{EXPAND}'",
}


def become(version: str, folder: Path) -> None:
    """`folder` is where this process may write its migrations, which a release would bring along."""
    _change_facts()
    _change_fold()
    _change_tables(HEADS[version], folder / version)


def _change_facts() -> None:
    """Whoever imports a fact from now on gets the one with a field more."""
    from penstock_contracts import facts

    newer: dict[type, type] = {}
    for name in TOUCHED:
        fact = getattr(facts, name)
        field: Any = (FIELD, str, dataclasses.field(default=TEXT))
        namespace = {"__module__": fact.__module__}
        newer[fact] = dataclasses.make_dataclass(
            name, [field], bases=(fact,), namespace=namespace, frozen=True, slots=True
        )
        setattr(facts, name, newer[fact])
    noted = _noted(facts.Fact)
    for name in ("REQUESTS", "ANSWERS", "INNER", "FACTS"):
        known = tuple(newer.get(fact, fact) for fact in getattr(facts, name))
        setattr(facts, name, (*known, noted) if name in ("INNER", "FACTS") else known)


def _noted(fact: type) -> type:
    """Learned by this version, and emitted by the one after it."""

    @dataclasses.dataclass(frozen=True, slots=True)
    class WorkflowNoted(fact):  # type: ignore[misc]
        TYPE: ClassVar[str] = "workflow.noted"
        run_id: str = ""

    return WorkflowNoted


def _change_fold() -> None:
    """States that the version before cannot read, and would not: their fold version is another one."""
    from penstock_orchestrator import fold
    from penstock_orchestrator.state import StreamState
    from penstock_store.errors import CorruptState

    class NewerFold(fold.OrchestratorFold):
        version = fold.FOLD_VERSION + 1

        def encode(self, state: StreamState) -> bytes:
            return b"next:" + super().encode(state)

        def decode(self, data: bytes) -> StreamState:
            if not data.startswith(b"next:"):
                raise CorruptState("a state of the version before, which was not to be read")
            return super().decode(data[5:])

    fold.OrchestratorFold = NewerFold  # type: ignore[misc]


def _change_tables(head: str, folder: Path) -> None:
    from penstock_store import version

    older, version.HEAD = version.HEAD, head
    from penstock_store import migrations

    config_of = migrations._config

    def config(connection: Connection) -> Config:
        found = config_of(connection)
        places = (str(Path(migrations.__file__).parent / "versions"), _written(folder, older, head))
        found.set_main_option("version_locations", os.pathsep.join(places))
        return found

    migrations._config = config


def _written(folder: Path, older: str, head: str) -> str:
    folder.mkdir(exist_ok=True)
    before = older
    for revision, statement in _STATEMENTS.items():
        if revision <= head:
            text = _MIGRATION.format(revision=revision, before=before, statement=statement)
            (folder / f"{revision}.py").write_text(text)
            before = revision
    return str(folder)
