CREATE TABLE workflow.compatibility (
    oldest TEXT COLLATE "C" NOT NULL,
    CONSTRAINT compatibility_pkey PRIMARY KEY (oldest)
);

INSERT INTO workflow.compatibility (oldest) VALUES ('0001');

CREATE TABLE workflow.restorations (
    restored_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    moment TIMESTAMP WITH TIME ZONE,
    CONSTRAINT restorations_pkey PRIMARY KEY (restored_at)
);
