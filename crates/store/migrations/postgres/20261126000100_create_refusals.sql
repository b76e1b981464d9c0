-- Refusals of signed-in people, for `gatepost explain --request`: kept 7 days and 100,000 rows, whichever is less.
-- No foreign key, for what was said to somebody stays said; no notification, for nothing is decided by it.

SET LOCAL search_path TO gatepost, pg_temp;

CREATE TABLE refusals (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT refusals_pkey PRIMARY KEY,
    request_id text NOT NULL CONSTRAINT refusals_request_id_key UNIQUE,
    at bigint NOT NULL,
    user_id text NOT NULL,
    email text,
    host text NOT NULL,
    method text NOT NULL,
    path text NOT NULL,
    kind text NOT NULL CONSTRAINT refusals_kind_check CHECK (kind IN ('navigation', 'fetch', 'websocket')),
    asker text,
    requirement text NOT NULL,
    status smallint NOT NULL,
    reason text NOT NULL,
    missing text,
    address text
);
CREATE INDEX refusals_at_idx ON refusals (at);
COMMENT ON COLUMN refusals.path IS 'Without the query, which may hold a secret.';
COMMENT ON COLUMN refusals.asker IS 'The origin whose page asked, "null" where the browser did not name it; none: the host''s own.';
COMMENT ON COLUMN refusals.requirement IS 'The query of the middleware''s address.';
COMMENT ON COLUMN refusals.missing IS 'What was missing: a JSON object.';
