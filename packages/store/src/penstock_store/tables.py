"""The tables, defined once: migrations are compared with them, console queries are written with them.

Closed vocabularies are text with a CHECK, not Postgres enums: a value can be added, and taken away again, in one
short transaction, and a program of the release before can still read the column. Keys compare by bytes (collation C),
so that their order is the same everywhere, and Python's. Rows that change often leave room on their page (fillfactor),
so that an update stays there.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    text,
)

from penstock_contracts.enums import ErrorClassification, ExecutionState, JobStatus, Stage, WorkflowType
from penstock_store.rows import EffectKind, EffectState, Verdict

SCHEMA = "workflow"
OPEN_STATUSES = (JobStatus.PENDING, JobStatus.PROCESSING, JobStatus.WAITING_FOR_EVENT)

metadata = MetaData(
    schema=SCHEMA,
    naming_convention={"pk": "%(table_name)s_pkey", "ck": "%(table_name)s_%(constraint_name)s_check"},
)


def _key(name: str, **options: Any) -> Column[str]:
    return Column(name, Text(collation="C"), nullable=False, **options)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default=text("''"))


def _bytes(name: str, *, nullable: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=nullable)


def _time(name: str) -> Column[Any]:
    return Column(name, DateTime(timezone=True))


def _stamp(name: str) -> Column[Any]:
    """When the row was written, by the database's clock."""
    return Column(name, DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()"))


def _number(name: str, kind: type[Any] = Integer) -> Column[int]:
    return Column(name, kind, nullable=False, server_default=text("0"))


def _one_of(column: str, values: Iterable[str]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} in ({listed})", name=column)


def _one_of_enum(column: str, enum: type[StrEnum]) -> CheckConstraint:
    return _one_of(column, [value.value for value in enum])


streams = Table(
    "streams",
    metadata,
    _key("stream", primary_key=True),
    _text("subject"),
    Column("state", LargeBinary, nullable=False, server_default=text("''::bytea")),
    Column("base", LargeBinary, nullable=False, server_default=text("''::bytea")),
    _text("encoding"),
    _number("fold_version"),
    _number("sequence", BigInteger),
    _stamp("created_at"),
    _stamp("updated_at"),
    postgresql_with={"fillfactor": 70},
)

facts = Table(
    "facts",
    metadata,
    _key("stream"),
    Column("sequence", BigInteger, nullable=False),
    _key("event_id"),
    _text("type"),
    _text("run_id"),
    _text("causation_id"),
    _text("correlation_id"),
    _text("actor"),
    Column("occurred_at", DateTime(timezone=True), nullable=False),
    _stamp("stored_at"),
    _bytes("headers"),
    _bytes("value"),
    PrimaryKeyConstraint("stream", "sequence"),
)
Index("facts_actor", facts.c.actor, facts.c.stored_at, postgresql_where=facts.c.actor != "")
Index("facts_stored_at", facts.c.stored_at, postgresql_using="brin")

workflow_jobs = Table(
    "workflow_jobs",
    metadata,
    _key("id", primary_key=True),
    Column("parent_id", Text(collation="C")),
    _key("stream"),
    _text("type"),
    _text("status"),
    _text("outcome"),
    _text("reason"),
    Column("error_class", Text),
    _text("head"),
    _text("base"),
    _number("epoch", BigInteger),
    _text("stage"),
    _text("waiting_for"),
    _time("waiting_since"),
    _time("waiting_until"),
    _text("correlation_id"),
    Column("created_at", DateTime(timezone=True), nullable=False),
    _time("finished_at"),
    _text("subject"),
    _text("repository"),
    _text("organisation"),
    _stamp("updated_at"),
    _one_of_enum("type", WorkflowType),
    _one_of_enum("status", JobStatus),
    _one_of_enum("error_class", ErrorClassification),
    postgresql_with={"fillfactor": 80},
)
_jobs = workflow_jobs.c
Index("workflow_jobs_newest", _jobs.created_at, _jobs.id)
Index("workflow_jobs_stream", _jobs.stream, _jobs.created_at)
Index("workflow_jobs_repository", _jobs.repository, _jobs.created_at)
Index("workflow_jobs_organisation", _jobs.organisation, _jobs.created_at)
Index("workflow_jobs_correlation_id", _jobs.correlation_id)
Index("workflow_jobs_parent_id", _jobs.parent_id, postgresql_where=_jobs.parent_id.is_not(None))
Index("workflow_jobs_open", _jobs.status, _jobs.created_at, postgresql_where=_jobs.status.in_(OPEN_STATUSES))
Index("workflow_jobs_failed", _jobs.created_at, postgresql_where=_jobs.status == JobStatus.FAILED)

job_execution_history = Table(
    "job_execution_history",
    metadata,
    _key("run_id"),
    _key("stage"),
    _key("part"),
    Column("attempt", Integer, nullable=False),
    _text("state"),
    _text("outcome"),
    Column("error_class", Text),
    _text("error"),
    _text("reason"),
    _time("asked_at"),
    _time("answered_at"),
    _time("not_after"),
    _time("started_at"),
    Column("duration", Double, nullable=False, server_default=text("0")),
    _stamp("updated_at"),
    PrimaryKeyConstraint("run_id", "stage", "part", "attempt"),
    _one_of_enum("stage", Stage),
    _one_of_enum("state", ExecutionState),
    _one_of_enum("error_class", ErrorClassification),
    postgresql_with={"fillfactor": 80},
)
_history = job_execution_history.c
_asked = _history.state == ExecutionState.ASKED
Index("job_execution_history_asked", _history.stage, _history.asked_at, postgresql_where=_asked)
Index("job_execution_history_asked_at", _history.asked_at, postgresql_using="brin")

inbox_messages = Table(
    "inbox_messages",
    metadata,
    _key("consumer"),
    _key("event_id"),
    _text("outcome"),
    _stamp("received_at"),
    PrimaryKeyConstraint("consumer", "event_id"),
    _one_of("outcome", [Verdict.APPLIED, Verdict.STALLED]),
)
Index("inbox_messages_received_at", inbox_messages.c.received_at, postgresql_using="brin")
Index("inbox_messages_stalled", inbox_messages.c.received_at, postgresql_where=inbox_messages.c.outcome == "stalled")

outbox_messages = Table(
    "outbox_messages",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _key("stream"),
    Column("shard", SmallInteger, nullable=False),
    _key("topic"),
    _key("key"),
    Column("spread", BigInteger),
    _bytes("headers"),
    _bytes("value"),
    _stamp("created_at"),
    _time("sent_at"),
    _time("blocked_at"),
    _text("error"),
    postgresql_with={"fillfactor": 90, "autovacuum_vacuum_scale_factor": "0.02"},
)
_outbox = outbox_messages.c
Index("outbox_messages_unsent", _outbox.id, postgresql_where=_outbox.sent_at.is_(None))
Index("outbox_messages_blocked", _outbox.stream, postgresql_where=_outbox.blocked_at.is_not(None))
Index("outbox_messages_sent_at", _outbox.sent_at, postgresql_using="brin")

deliveries = Table(
    "deliveries",
    metadata,
    _key("consumer"),
    _key("topic"),
    Column("partition", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
    _stamp("first_at"),
    PrimaryKeyConstraint("consumer", "topic", "partition", "position"),
    postgresql_with={"fillfactor": 70, "autovacuum_vacuum_scale_factor": "0.02"},
)

dead_letters = Table(
    "dead_letters",
    metadata,
    _key("id", primary_key=True),
    _key("consumer"),
    _key("topic"),
    Column("partition", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    _bytes("key", nullable=True),
    _bytes("headers"),
    _bytes("value", nullable=True),
    _key("stream"),
    _key("run_id"),
    _key("event_id"),
    _text("event_type"),
    _text("reason"),
    _text("error"),
    _text("remedy"),
    _stamp("created_at"),
    _time("resolved_at"),
    _text("resolution"),
)
_letters = dead_letters.c
Index("dead_letters_open", _letters.created_at, _letters.id, postgresql_where=_letters.resolved_at.is_(None))
Index("dead_letters_stream", _letters.stream)

timers = Table(
    "timers",
    metadata,
    _key("id", primary_key=True),
    _key("stream"),
    Column("due", DateTime(timezone=True), nullable=False),
    _text("kind"),
    _text("run_id"),
    _text("stage"),
    _text("part"),
    _number("attempt"),
    _number("generation"),
)
Index("timers_due", timers.c.due, timers.c.id)
Index("timers_stream", timers.c.stream)

leases = Table(
    "leases",
    metadata,
    _key("key", primary_key=True),
    _text("holder"),
    Column("fence", BigInteger, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    postgresql_with={"fillfactor": 50},
)

effects = Table(
    "effects",
    metadata,
    _key("id", primary_key=True),
    _key("stream"),
    _key("run_id"),
    _text("kind"),
    Column("epoch", BigInteger, nullable=False),
    Column("rank", Integer, nullable=False),
    _text("state"),
    _text("digest"),
    _text("external_id"),
    _text("url"),
    _text("note"),
    _number("fence", BigInteger),
    _time("sent_at"),
    _stamp("updated_at"),
    _one_of_enum("kind", EffectKind),
    _one_of_enum("state", EffectState),
    postgresql_with={"fillfactor": 80},
)
Index("effects_stream", effects.c.stream, effects.c.id)
Index("effects_sending", effects.c.sent_at, postgresql_where=effects.c.state == EffectState.SENDING)

blobs = Table(
    "blobs",
    metadata,
    _key("id", primary_key=True),
    _bytes("data"),
    _stamp("created_at"),
    _stamp("last_used"),
)
Index("blobs_last_used", blobs.c.last_used)

log = Table(
    "log",
    metadata,
    _key("topic"),
    Column("partition", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    _bytes("key"),
    _bytes("headers"),
    _bytes("value"),
    _stamp("appended_at"),
    PrimaryKeyConstraint("topic", "partition", "position"),
)
Index("log_appended_at", log.c.appended_at, postgresql_using="brin")

log_ends = Table(
    "log_ends",
    metadata,
    _key("topic"),
    Column("partition", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    PrimaryKeyConstraint("topic", "partition"),
    postgresql_with={"fillfactor": 50},
)

log_positions = Table(
    "log_positions",
    metadata,
    _key("consumer_group"),
    _key("topic"),
    Column("partition", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    PrimaryKeyConstraint("consumer_group", "topic", "partition"),
    postgresql_with={"fillfactor": 50},
)

schemas = Table(
    "schemas",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    _text("type_name"),
    _text("text"),
    _stamp("created_at"),
)

compatibility = Table("compatibility", metadata, _key("oldest", primary_key=True))

restorations = Table(
    "restorations",
    metadata,
    Column("restored_at", DateTime(timezone=True), primary_key=True, server_default=text("clock_timestamp()")),
    _time("moment"),
)
