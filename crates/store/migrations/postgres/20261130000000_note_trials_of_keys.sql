-- A key that tries whether a tool server refuses messages whose headers and body differ. It lives for minutes.

SET LOCAL search_path TO gatepost, pg_temp;

ALTER TABLE keys ADD COLUMN trial_of text;
COMMENT ON COLUMN keys.trial_of IS 'The id of the tool server that the key tries. Written with the key, never changed.';
