-- Requests of the API that carried an Idempotency-Key, kept for 24 hours. The row is written with the change, and its answer
-- right after it.

SET LOCAL search_path TO gatepost, pg_temp;

CREATE TABLE idempotent_requests (
    key text CONSTRAINT idempotent_requests_pkey PRIMARY KEY,
    request text NOT NULL,
    at bigint NOT NULL,
    answer text
);
CREATE INDEX idempotent_requests_at_idx ON idempotent_requests (at);
COMMENT ON COLUMN idempotent_requests.key IS 'A hash of the caller and the key.';
COMMENT ON COLUMN idempotent_requests.request IS 'A hash of the path, the query and the body.';
COMMENT ON COLUMN idempotent_requests.answer IS 'The answer, a JSON object; none: it is not there yet, or it was lost after the change.';
