"""The tables, defined once: migrations are compared with them, console queries are written with them.

Closed vocabularies are text with a CHECK, not Postgres enums: a value can be added, and taken away again, in one
short transaction, and a program of the release before can still read the column. Keys compare by bytes (collation C),
so that their order is the same everywhere, and Python's. Rows that change often leave room on their page (fillfactor),
so that an update stays there.
"""

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
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    text,
)

from penstock_contracts.enums import ErrorClassification, ExecutionState, JobStatus, Stage, WorkflowType
from penstock_store.columns import SCHEMA, key, metadata, moment, number, octets, one_of, one_of_enum, stamp, words
from penstock_store.rows import OPEN_STATUSES, EffectKind, EffectState, Verdict

__all__ = ["SCHEMA", "metadata"]

streams = Table(
    "streams",
    metadata,
    key("stream", primary_key=True),
    words("subject"),
    Column("state", LargeBinary, nullable=False, server_default=text("''::bytea")),
    Column("base", LargeBinary, nullable=False, server_default=text("''::bytea")),
    words("encoding"),
    number("fold_version"),
    number("sequence", BigInteger),
    stamp("created_at"),
    stamp("updated_at"),
    postgresql_with={"fillfactor": 70},
)

facts = Table(
    "facts",
    metadata,
    key("stream"),
    Column("sequence", BigInteger, nullable=False),
    key("event_id"),
    words("type"),
    words("run_id"),
    words("causation_id"),
    words("correlation_id"),
    words("actor"),
    Column("occurred_at", DateTime(timezone=True), nullable=False),
    stamp("stored_at"),
    octets("headers"),
    octets("value"),
    PrimaryKeyConstraint("stream", "sequence"),
)
Index("facts_actor", facts.c.actor, facts.c.stored_at, postgresql_where=facts.c.actor != "")
Index("facts_stored_at", facts.c.stored_at, postgresql_using="brin")

workflow_jobs = Table(
    "workflow_jobs",
    metadata,
    key("id", primary_key=True),
    Column("parent_id", Text(collation="C")),
    key("stream"),
    words("type"),
    words("status"),
    words("outcome"),
    words("reason"),
    Column("error_class", Text),
    words("head"),
    words("base"),
    number("epoch", BigInteger),
    words("stage"),
    words("waiting_for"),
    moment("waiting_since"),
    moment("waiting_until"),
    words("correlation_id"),
    Column("created_at", DateTime(timezone=True), nullable=False),
    moment("finished_at"),
    words("subject"),
    words("repository"),
    words("organisation"),
    stamp("updated_at"),
    one_of_enum("type", WorkflowType),
    one_of_enum("status", JobStatus),
    one_of_enum("error_class", ErrorClassification),
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
    key("run_id"),
    key("stage"),
    key("part"),
    Column("attempt", Integer, nullable=False),
    words("state"),
    words("outcome"),
    Column("error_class", Text),
    words("error"),
    words("reason"),
    moment("asked_at"),
    moment("answered_at"),
    moment("not_after"),
    moment("started_at"),
    Column("duration", Double, nullable=False, server_default=text("0")),
    stamp("updated_at"),
    PrimaryKeyConstraint("run_id", "stage", "part", "attempt"),
    one_of_enum("stage", Stage),
    one_of_enum("state", ExecutionState),
    one_of_enum("error_class", ErrorClassification),
    postgresql_with={"fillfactor": 80},
)
_history = job_execution_history.c
_asked = _history.state == ExecutionState.ASKED
Index("job_execution_history_asked", _history.stage, _history.asked_at, postgresql_where=_asked)
Index("job_execution_history_asked_at", _history.asked_at, postgresql_using="brin")

inbox_messages = Table(
    "inbox_messages",
    metadata,
    key("consumer"),
    key("event_id"),
    words("outcome"),
    stamp("received_at"),
    PrimaryKeyConstraint("consumer", "event_id"),
    one_of("outcome", [Verdict.APPLIED, Verdict.STALLED]),
)
Index("inbox_messages_received_at", inbox_messages.c.received_at, postgresql_using="brin")
Index("inbox_messages_stalled", inbox_messages.c.received_at, postgresql_where=inbox_messages.c.outcome == "stalled")

outbox_messages = Table(
    "outbox_messages",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    key("stream"),
    Column("shard", SmallInteger, nullable=False),
    key("topic"),
    key("key"),
    Column("spread", BigInteger),
    octets("headers"),
    octets("value"),
    stamp("created_at"),
    moment("sent_at"),
    moment("blocked_at"),
    words("error"),
    postgresql_with={"fillfactor": 90, "autovacuum_vacuum_scale_factor": "0.02"},
)
_outbox = outbox_messages.c
Index("outbox_messages_unsent", _outbox.id, postgresql_where=_outbox.sent_at.is_(None))
Index("outbox_messages_blocked", _outbox.stream, postgresql_where=_outbox.blocked_at.is_not(None))
Index("outbox_messages_sent_at", _outbox.sent_at, postgresql_using="brin")

deliveries = Table(
    "deliveries",
    metadata,
    key("consumer"),
    key("topic"),
    Column("partition", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
    stamp("first_at"),
    PrimaryKeyConstraint("consumer", "topic", "partition", "position"),
    postgresql_with={"fillfactor": 70, "autovacuum_vacuum_scale_factor": "0.02"},
)

dead_letters = Table(
    "dead_letters",
    metadata,
    key("id", primary_key=True),
    key("consumer"),
    key("topic"),
    Column("partition", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    octets("key", nullable=True),
    octets("headers"),
    octets("value", nullable=True),
    key("stream"),
    key("run_id"),
    key("event_id"),
    words("event_type"),
    words("reason"),
    words("error"),
    words("remedy"),
    stamp("created_at"),
    moment("resolved_at"),
    words("resolution"),
)
_letters = dead_letters.c
Index("dead_letters_open", _letters.created_at, _letters.id, postgresql_where=_letters.resolved_at.is_(None))
Index("dead_letters_stream", _letters.stream)

timers = Table(
    "timers",
    metadata,
    key("id", primary_key=True),
    key("stream"),
    Column("due", DateTime(timezone=True), nullable=False),
    words("kind"),
    words("run_id"),
    words("stage"),
    words("part"),
    number("attempt"),
    number("generation"),
)
Index("timers_due", timers.c.due, timers.c.id)
Index("timers_stream", timers.c.stream)

leases = Table(
    "leases",
    metadata,
    key("key", primary_key=True),
    words("holder"),
    Column("fence", BigInteger, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    postgresql_with={"fillfactor": 50},
)

effects = Table(
    "effects",
    metadata,
    key("id", primary_key=True),
    key("stream"),
    key("run_id"),
    words("kind"),
    Column("epoch", BigInteger, nullable=False),
    Column("rank", Integer, nullable=False),
    words("state"),
    words("digest"),
    words("external_id"),
    words("url"),
    words("note"),
    number("fence", BigInteger),
    moment("sent_at"),
    stamp("updated_at"),
    one_of_enum("kind", EffectKind),
    one_of_enum("state", EffectState),
    postgresql_with={"fillfactor": 80},
)
Index("effects_stream", effects.c.stream, effects.c.id)
Index("effects_sending", effects.c.sent_at, postgresql_where=effects.c.state == EffectState.SENDING)

marker_key = Table(
    "marker_key",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    octets("key"),
    stamp("made_at"),
    CheckConstraint("id = 1", name="id"),
)

blobs = Table(
    "blobs",
    metadata,
    key("id", primary_key=True),
    octets("data"),
    stamp("created_at"),
    stamp("last_used"),
)
Index("blobs_last_used", blobs.c.last_used)

cache_entries = Table(
    "cache_entries",
    metadata,
    key("cache"),
    key("key"),
    key("organisation"),
    key("repository"),
    key("token"),
    octets("value", nullable=True),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    stamp("created_at"),
    stamp("used_at"),
    PrimaryKeyConstraint("cache", "key"),
)
Index("cache_entries_used_at", cache_entries.c.cache, cache_entries.c.used_at)
Index("cache_entries_expires_at", cache_entries.c.expires_at)

model_spending = Table(
    "model_spending",
    metadata,
    key("run_id"),
    key("stage"),
    key("part"),
    Column("attempt", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    key("stream"),
    words("model"),
    Column("reserved_tokens", BigInteger, nullable=False),
    Column("reserved_cost", BigInteger, nullable=False),
    stamp("reserved_at"),
    number("tokens_in", BigInteger),
    number("tokens_out", BigInteger),
    number("cost", BigInteger),
    moment("settled_at"),
    PrimaryKeyConstraint("run_id", "stage", "part", "attempt", "number"),
    postgresql_with={"fillfactor": 80},
)
Index("model_spending_stream", model_spending.c.stream)
Index("model_spending_reserved_at", model_spending.c.reserved_at)

log = Table(
    "log",
    metadata,
    key("topic"),
    Column("partition", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    octets("key"),
    octets("headers"),
    octets("value"),
    stamp("appended_at"),
    PrimaryKeyConstraint("topic", "partition", "position"),
)
Index("log_appended_at", log.c.appended_at, postgresql_using="brin")

log_ends = Table(
    "log_ends",
    metadata,
    key("topic"),
    Column("partition", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    PrimaryKeyConstraint("topic", "partition"),
    postgresql_with={"fillfactor": 50},
)

log_positions = Table(
    "log_positions",
    metadata,
    key("consumer_group"),
    key("topic"),
    Column("partition", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    PrimaryKeyConstraint("consumer_group", "topic", "partition"),
    postgresql_with={"fillfactor": 50},
)

schemas = Table(
    "schemas",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    words("type_name"),
    words("text"),
    stamp("created_at"),
)

compatibility = Table("compatibility", metadata, key("oldest", primary_key=True))

restorations = Table(
    "restorations",
    metadata,
    Column("restored_at", DateTime(timezone=True), primary_key=True, server_default=text("clock_timestamp()")),
    moment("moment"),
)
