CREATE TABLE workflow.streams (
    stream TEXT COLLATE "C" NOT NULL,
    subject TEXT DEFAULT '' NOT NULL,
    state BYTEA DEFAULT ''::bytea NOT NULL,
    encoding TEXT DEFAULT '' NOT NULL,
    fold_version INTEGER DEFAULT 0 NOT NULL,
    sequence BIGINT DEFAULT 0 NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT streams_pkey PRIMARY KEY (stream)
)
 WITH (fillfactor = 70);

CREATE TABLE workflow.facts (
    stream TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    type TEXT DEFAULT '' NOT NULL,
    run_id TEXT DEFAULT '' NOT NULL,
    causation_id TEXT DEFAULT '' NOT NULL,
    correlation_id TEXT DEFAULT '' NOT NULL,
    actor TEXT DEFAULT '' NOT NULL,
    occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
    stored_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    headers BYTEA NOT NULL,
    value BYTEA NOT NULL,
    CONSTRAINT facts_pkey PRIMARY KEY (stream, sequence)
);

CREATE INDEX facts_actor ON workflow.facts (actor, stored_at) WHERE actor != '';

CREATE INDEX facts_stored_at ON workflow.facts USING brin (stored_at);

CREATE TABLE workflow.workflow_jobs (
    id TEXT COLLATE "C" NOT NULL,
    parent_id TEXT COLLATE "C",
    stream TEXT COLLATE "C" NOT NULL,
    type TEXT DEFAULT '' NOT NULL,
    status TEXT DEFAULT '' NOT NULL,
    outcome TEXT DEFAULT '' NOT NULL,
    reason TEXT DEFAULT '' NOT NULL,
    error_class TEXT,
    head TEXT DEFAULT '' NOT NULL,
    base TEXT DEFAULT '' NOT NULL,
    epoch BIGINT DEFAULT 0 NOT NULL,
    stage TEXT DEFAULT '' NOT NULL,
    waiting_for TEXT DEFAULT '' NOT NULL,
    waiting_since TIMESTAMP WITH TIME ZONE,
    waiting_until TIMESTAMP WITH TIME ZONE,
    correlation_id TEXT DEFAULT '' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    subject TEXT DEFAULT '' NOT NULL,
    repository TEXT DEFAULT '' NOT NULL,
    organisation TEXT DEFAULT '' NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT workflow_jobs_pkey PRIMARY KEY (id),
    CONSTRAINT workflow_jobs_type_check CHECK (type in ('CODE_REVIEW', 'AST_ANALYSIS', 'PR_LEVEL_REVIEW', 'FILES_REVIEW', 'CODE_GENERATION')),
    CONSTRAINT workflow_jobs_status_check CHECK (status in ('PENDING', 'PROCESSING', 'WAITING_FOR_EVENT', 'COMPLETED', 'FAILED', 'CANCELLED')),
    CONSTRAINT workflow_jobs_error_class_check CHECK (error_class in ('transient', 'rate_limited', 'permanent', 'poison', 'unknown'))
)
 WITH (fillfactor = 80);

CREATE INDEX workflow_jobs_correlation_id ON workflow.workflow_jobs (correlation_id);

CREATE INDEX workflow_jobs_failed ON workflow.workflow_jobs (created_at) WHERE status = 'FAILED';

CREATE INDEX workflow_jobs_newest ON workflow.workflow_jobs (created_at, id);

CREATE INDEX workflow_jobs_open ON workflow.workflow_jobs (status, created_at) WHERE status IN ('PENDING', 'PROCESSING', 'WAITING_FOR_EVENT');

CREATE INDEX workflow_jobs_organisation ON workflow.workflow_jobs (organisation, created_at);

CREATE INDEX workflow_jobs_parent_id ON workflow.workflow_jobs (parent_id) WHERE parent_id IS NOT NULL;

CREATE INDEX workflow_jobs_repository ON workflow.workflow_jobs (repository, created_at);

CREATE INDEX workflow_jobs_stream ON workflow.workflow_jobs (stream, created_at);

CREATE TABLE workflow.job_execution_history (
    run_id TEXT COLLATE "C" NOT NULL,
    stage TEXT COLLATE "C" NOT NULL,
    part TEXT COLLATE "C" NOT NULL,
    attempt INTEGER NOT NULL,
    state TEXT DEFAULT '' NOT NULL,
    outcome TEXT DEFAULT '' NOT NULL,
    error_class TEXT,
    error TEXT DEFAULT '' NOT NULL,
    reason TEXT DEFAULT '' NOT NULL,
    asked_at TIMESTAMP WITH TIME ZONE,
    answered_at TIMESTAMP WITH TIME ZONE,
    not_after TIMESTAMP WITH TIME ZONE,
    started_at TIMESTAMP WITH TIME ZONE,
    duration DOUBLE PRECISION DEFAULT 0 NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT job_execution_history_pkey PRIMARY KEY (run_id, stage, part, attempt),
    CONSTRAINT job_execution_history_stage_check CHECK (stage in ('prepare', 'ast', 'pr_review', 'files_review', 'comments')),
    CONSTRAINT job_execution_history_state_check CHECK (state in ('asked', 'answered', 'withdrawn', 'given_up', 'skipped')),
    CONSTRAINT job_execution_history_error_class_check CHECK (error_class in ('transient', 'rate_limited', 'permanent', 'poison', 'unknown'))
)
 WITH (fillfactor = 80);

CREATE INDEX job_execution_history_asked ON workflow.job_execution_history (stage, asked_at) WHERE state = 'asked';

CREATE INDEX job_execution_history_asked_at ON workflow.job_execution_history USING brin (asked_at);

CREATE TABLE workflow.inbox_messages (
    consumer TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    outcome TEXT DEFAULT '' NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT inbox_messages_pkey PRIMARY KEY (consumer, event_id),
    CONSTRAINT inbox_messages_outcome_check CHECK (outcome in ('applied', 'stalled'))
);

CREATE INDEX inbox_messages_received_at ON workflow.inbox_messages USING brin (received_at);

CREATE INDEX inbox_messages_stalled ON workflow.inbox_messages (received_at) WHERE outcome = 'stalled';

CREATE TABLE workflow.outbox_messages (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    stream TEXT COLLATE "C" NOT NULL,
    shard SMALLINT NOT NULL,
    topic TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    spread BIGINT,
    headers BYTEA NOT NULL,
    value BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE,
    blocked_at TIMESTAMP WITH TIME ZONE,
    error TEXT DEFAULT '' NOT NULL,
    CONSTRAINT outbox_messages_pkey PRIMARY KEY (id)
)
 WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02);

CREATE INDEX outbox_messages_blocked ON workflow.outbox_messages (stream) WHERE blocked_at IS NOT NULL;

CREATE INDEX outbox_messages_sent_at ON workflow.outbox_messages USING brin (sent_at);

CREATE INDEX outbox_messages_unsent ON workflow.outbox_messages (id) WHERE sent_at IS NULL;

CREATE TABLE workflow.deliveries (
    consumer TEXT COLLATE "C" NOT NULL,
    topic TEXT COLLATE "C" NOT NULL,
    partition INTEGER NOT NULL,
    position BIGINT NOT NULL,
    count INTEGER NOT NULL,
    first_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT deliveries_pkey PRIMARY KEY (consumer, topic, partition, position)
)
 WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);

CREATE TABLE workflow.dead_letters (
    id TEXT COLLATE "C" NOT NULL,
    consumer TEXT COLLATE "C" NOT NULL,
    topic TEXT COLLATE "C" NOT NULL,
    partition INTEGER NOT NULL,
    position BIGINT NOT NULL,
    key BYTEA,
    headers BYTEA NOT NULL,
    value BYTEA,
    stream TEXT COLLATE "C" NOT NULL,
    run_id TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    event_type TEXT DEFAULT '' NOT NULL,
    reason TEXT DEFAULT '' NOT NULL,
    error TEXT DEFAULT '' NOT NULL,
    remedy TEXT DEFAULT '' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    resolved_at TIMESTAMP WITH TIME ZONE,
    resolution TEXT DEFAULT '' NOT NULL,
    CONSTRAINT dead_letters_pkey PRIMARY KEY (id)
);

CREATE INDEX dead_letters_open ON workflow.dead_letters (created_at, id) WHERE resolved_at IS NULL;

CREATE INDEX dead_letters_stream ON workflow.dead_letters (stream);

CREATE TABLE workflow.timers (
    id TEXT COLLATE "C" NOT NULL,
    stream TEXT COLLATE "C" NOT NULL,
    due TIMESTAMP WITH TIME ZONE NOT NULL,
    kind TEXT DEFAULT '' NOT NULL,
    run_id TEXT DEFAULT '' NOT NULL,
    stage TEXT DEFAULT '' NOT NULL,
    part TEXT DEFAULT '' NOT NULL,
    attempt INTEGER DEFAULT 0 NOT NULL,
    generation INTEGER DEFAULT 0 NOT NULL,
    CONSTRAINT timers_pkey PRIMARY KEY (id)
);

CREATE INDEX timers_due ON workflow.timers (due, id);

CREATE INDEX timers_stream ON workflow.timers (stream);

CREATE TABLE workflow.leases (
    key TEXT COLLATE "C" NOT NULL,
    holder TEXT DEFAULT '' NOT NULL,
    fence BIGINT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT leases_pkey PRIMARY KEY (key)
)
 WITH (fillfactor = 50);

CREATE TABLE workflow.effects (
    id TEXT COLLATE "C" NOT NULL,
    stream TEXT COLLATE "C" NOT NULL,
    run_id TEXT COLLATE "C" NOT NULL,
    kind TEXT DEFAULT '' NOT NULL,
    epoch BIGINT NOT NULL,
    rank INTEGER NOT NULL,
    state TEXT DEFAULT '' NOT NULL,
    digest TEXT DEFAULT '' NOT NULL,
    external_id TEXT DEFAULT '' NOT NULL,
    url TEXT DEFAULT '' NOT NULL,
    note TEXT DEFAULT '' NOT NULL,
    fence BIGINT DEFAULT 0 NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT effects_pkey PRIMARY KEY (id),
    CONSTRAINT effects_kind_check CHECK (kind in ('summary', 'status', 'review', 'inline')),
    CONSTRAINT effects_state_check CHECK (state in ('planned', 'sending', 'sent', 'refused'))
)
 WITH (fillfactor = 80);

CREATE INDEX effects_sending ON workflow.effects (sent_at) WHERE state = 'sending';

CREATE INDEX effects_stream ON workflow.effects (stream, id);

CREATE TABLE workflow.blobs (
    id TEXT COLLATE "C" NOT NULL,
    data BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    last_used TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT blobs_pkey PRIMARY KEY (id)
);

CREATE INDEX blobs_last_used ON workflow.blobs (last_used);

CREATE TABLE workflow.log (
    topic TEXT COLLATE "C" NOT NULL,
    partition INTEGER NOT NULL,
    position BIGINT NOT NULL,
    key BYTEA NOT NULL,
    headers BYTEA NOT NULL,
    value BYTEA NOT NULL,
    appended_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT log_pkey PRIMARY KEY (topic, partition, position)
);

CREATE INDEX log_appended_at ON workflow.log USING brin (appended_at);

CREATE TABLE workflow.log_ends (
    topic TEXT COLLATE "C" NOT NULL,
    partition INTEGER NOT NULL,
    position BIGINT NOT NULL,
    CONSTRAINT log_ends_pkey PRIMARY KEY (topic, partition)
)
 WITH (fillfactor = 50);

CREATE TABLE workflow.log_positions (
    consumer_group TEXT COLLATE "C" NOT NULL,
    topic TEXT COLLATE "C" NOT NULL,
    partition INTEGER NOT NULL,
    position BIGINT NOT NULL,
    CONSTRAINT log_positions_pkey PRIMARY KEY (consumer_group, topic, partition)
)
 WITH (fillfactor = 50);

CREATE TABLE workflow.schemas (
    id INTEGER NOT NULL,
    type_name TEXT DEFAULT '' NOT NULL,
    text TEXT DEFAULT '' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT schemas_pkey PRIMARY KEY (id)
);
