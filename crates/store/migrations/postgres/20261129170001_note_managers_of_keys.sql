-- Who set an API key last, as 20261128162000 says of other rows. It is no change of the key.

SET LOCAL search_path TO gatepost, pg_temp;

ALTER TABLE keys ADD COLUMN managed_by text;
COMMENT ON COLUMN keys.managed_by IS 'apply: gatepost apply revokes the key when its files no longer hold it.';
