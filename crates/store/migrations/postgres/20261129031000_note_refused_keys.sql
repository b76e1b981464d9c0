-- Refusals of programs: of a key by its id, and what the program was told.

SET LOCAL search_path TO gatepost, pg_temp;

ALTER TABLE refusals ADD COLUMN key_id text;
ALTER TABLE refusals ADD COLUMN detail text;
CREATE INDEX refusals_key_id_idx ON refusals (key_id, id) WHERE key_id IS NOT NULL;
COMMENT ON COLUMN refusals.user_id IS 'The person; of a program that acts for nobody, the id of its machine, which is that of its key or made of the client id.';
COMMENT ON COLUMN refusals.email IS 'Of the person or application. Of a key, the address of somebody who is not known or not signed in, for whom it was sent.';
COMMENT ON COLUMN refusals.key_id IS 'The API key that was sent, by itself or for the person. Without a foreign key, as user_id.';
COMMENT ON COLUMN refusals.via IS 'The name that this key had.';
COMMENT ON COLUMN refusals.detail IS 'Why a key, a statement about a person or a token did not count.';
