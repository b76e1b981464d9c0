-- Refusals of programs: of a key by its id, and what the program was told; as on Postgres, see there for the comments.

ALTER TABLE refusals ADD COLUMN key_id TEXT;
ALTER TABLE refusals ADD COLUMN detail TEXT;
CREATE INDEX refusals_key_id_idx ON refusals (key_id, id) WHERE key_id IS NOT NULL;
