-- Refusals of signed-in people, with the same meaning as on Postgres; see there for the comments.

CREATE TABLE refusals (
    id INTEGER CONSTRAINT refusals_pkey PRIMARY KEY,
    request_id TEXT NOT NULL CONSTRAINT refusals_request_id_key UNIQUE,
    at INTEGER NOT NULL,
    user_id TEXT NOT NULL,
    email TEXT,
    host TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    kind TEXT NOT NULL CONSTRAINT refusals_kind_check CHECK (kind IN ('navigation', 'fetch', 'websocket')),
    asker TEXT,
    requirement TEXT NOT NULL,
    status INTEGER NOT NULL,
    reason TEXT NOT NULL,
    missing TEXT,
    address TEXT
) STRICT;
CREATE INDEX refusals_at_idx ON refusals (at);
