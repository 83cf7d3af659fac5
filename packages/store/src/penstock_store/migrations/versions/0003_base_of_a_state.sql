ALTER TABLE workflow.streams ADD COLUMN base BYTEA DEFAULT ''::bytea NOT NULL;
