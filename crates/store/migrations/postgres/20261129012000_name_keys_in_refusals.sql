-- The key by which a program sent the request for the person, by the name that it had.

SET LOCAL search_path TO gatepost, pg_temp;

ALTER TABLE refusals ADD COLUMN via text;
COMMENT ON COLUMN refusals.via IS 'The name of the API key with which a program sent the request for the person; NULL where the person did.';
