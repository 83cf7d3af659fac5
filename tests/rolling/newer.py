"""The same code made into the next version, before anything of it is imported: what a release after this one might be.

Facts of every service have a field more, there is a fact that nobody emits yet, states are written in another way under
the next fold version, and a column has another name. So the tables have both columns for a release, kept equal by the
database (newer), and then only the one which this version does not know (contracted).
"""

import dataclasses
import os
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

from alembic.config import Config
from sqlalchemy import Connection

EXPAND, CONTRACT = "9001", "9002"
HEADS = {"newer": EXPAND, "contracted": CONTRACT}
FIELD, TEXT = "urgency", "none"
TOUCHED = (
    "PrReceived",
    "PrepareRequested",
    "ConfigResolved",
    "AstRequested",
    "AstCompleted",
    "FilesReviewCompleted",
    "CommentsRequested",
    "CommentsPublished",
    "WorkflowControl",
)
OLD, NEW = "external_id", "remote_id"
"""Of workflow.effects: what something of ours is called at the platform. Without it a summary is not found again."""
_MIGRATION = """
from alembic import op

revision, down_revision, branch_labels, depends_on = {revision!r}, {before!r}, None, None


def upgrade() -> None:
    for statement in {statements!r}:
        op.execute(statement)
"""
_SAME = f"""
create function workflow.same_under_both_names() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' and new.{NEW} = '' then
    new.{NEW} = new.{OLD};
  elsif tg_op = 'UPDATE' and new.{OLD} is distinct from old.{OLD} then
    new.{NEW} = new.{OLD};
  else
    new.{OLD} = new.{NEW};
  end if;
  return new;
end $$
"""
_STATEMENTS = {
    EXPAND: (
        f"alter table workflow.effects add column {NEW} text not null default ''",
        f"update workflow.effects set {NEW} = {OLD}",
        _SAME,
        "create trigger same_under_both_names before insert or update on workflow.effects"
        " for each row execute function workflow.same_under_both_names()",
    ),
    CONTRACT: (
        "drop trigger same_under_both_names on workflow.effects",
        "drop function workflow.same_under_both_names",
        f"alter table workflow.effects drop column {OLD}",
        f"update workflow.compatibility set oldest = '{EXPAND}'",
    ),
}


def become(version: str, folder: Path) -> None:
    """`folder` is where this process may write its migrations, which a release would bring along."""
    _change_facts()
    _change_fold()
    _change_tables(HEADS[version], folder / version)
    _change_statements()


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
    for name in ("REQUESTS", "ANSWERS", "INNER", "CONTROLS", "FACTS"):
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
    for revision, statements in _STATEMENTS.items():
        if revision <= head:
            text = _MIGRATION.format(revision=revision, before=before, statements=statements)
            (folder / f"{revision}.py").write_text(text)
            before = revision
    return str(folder)


def _change_statements() -> None:
    """Whatever reads or writes the column calls it by its other name, and none is left that uses the old one."""
    effects: Any = import_module("penstock_store.postgres.effects")
    for name, statement in list(vars(effects).items()):
        if isinstance(statement, str) and OLD in statement:
            setattr(effects, name, statement.replace(OLD, NEW))
    as_json = effects.as_json
    effects.as_json = lambda rows: as_json(rows).replace(f'"{OLD}":', f'"{NEW}":')
