CREATE TABLE workflow.marker_key (
    id SMALLINT NOT NULL,
    key BYTEA NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT marker_key_pkey PRIMARY KEY (id),
    CONSTRAINT marker_key_id_check CHECK (id = 1)
);
