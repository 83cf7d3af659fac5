CREATE TABLE workflow.cache_entries (
    cache TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    organisation TEXT COLLATE "C" NOT NULL,
    repository TEXT COLLATE "C" NOT NULL,
    token TEXT COLLATE "C" NOT NULL,
    value BYTEA,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT cache_entries_pkey PRIMARY KEY (cache, key)
);

CREATE INDEX cache_entries_expires_at ON workflow.cache_entries (expires_at);

CREATE INDEX cache_entries_used_at ON workflow.cache_entries (cache, used_at);

CREATE TABLE workflow.model_spending (
    run_id TEXT COLLATE "C" NOT NULL,
    stage TEXT COLLATE "C" NOT NULL,
    part TEXT COLLATE "C" NOT NULL,
    attempt INTEGER NOT NULL,
    number INTEGER NOT NULL,
    stream TEXT COLLATE "C" NOT NULL,
    model TEXT DEFAULT '' NOT NULL,
    reserved_tokens BIGINT NOT NULL,
    reserved_cost BIGINT NOT NULL,
    reserved_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    tokens_in BIGINT DEFAULT 0 NOT NULL,
    tokens_out BIGINT DEFAULT 0 NOT NULL,
    cost BIGINT DEFAULT 0 NOT NULL,
    settled_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT model_spending_pkey PRIMARY KEY (run_id, stage, part, attempt, number)
)
 WITH (fillfactor = 80);

CREATE INDEX model_spending_reserved_at ON workflow.model_spending (reserved_at);

CREATE INDEX model_spending_stream ON workflow.model_spending (stream);
