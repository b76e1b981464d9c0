-- Who set a tier or a rule of a tool server last, as 20261128162000 says of other rows.

SET LOCAL search_path TO gatepost, pg_temp;

ALTER TABLE tiers ADD COLUMN managed_by text;
ALTER TABLE tool_rules ADD COLUMN managed_by text;
COMMENT ON COLUMN tiers.managed_by IS 'apply: gatepost apply deletes the row when its files no longer hold it.';
COMMENT ON COLUMN tool_rules.managed_by IS 'apply: gatepost apply deletes the row when its files no longer hold it.';
