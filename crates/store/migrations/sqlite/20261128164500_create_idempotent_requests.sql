-- Requests of the API that carried an Idempotency-Key; as on Postgres, see there.

CREATE TABLE idempotent_requests (
    key TEXT CONSTRAINT idempotent_requests_pkey PRIMARY KEY,
    request TEXT NOT NULL,
    at INTEGER NOT NULL,
    answer TEXT
) STRICT;
CREATE INDEX idempotent_requests_at_idx ON idempotent_requests (at);
