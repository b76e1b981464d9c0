-- Who set a row last, where that decides who may delete it: 'apply' is `gatepost apply`, which deletes what its files no longer
-- hold. NULL is anybody else: an administrator, a provider, the configuration, a view, an older release.

SET LOCAL search_path TO gatepost, pg_temp;

ALTER TABLE groups ADD COLUMN managed_by text;
ALTER TABLE provider_groups ADD COLUMN managed_by text;
ALTER TABLE tenants ADD COLUMN managed_by text;
ALTER TABLE group_tenants ADD COLUMN managed_by text;
ALTER TABLE manual_memberships ADD COLUMN managed_by text;
ALTER TABLE admin_overrides ADD COLUMN managed_by text;
COMMENT ON COLUMN groups.managed_by IS 'apply: gatepost apply deletes the row when its files no longer hold it.';
COMMENT ON COLUMN provider_groups.managed_by IS 'apply: gatepost apply removes the link when its files no longer hold it.';
COMMENT ON COLUMN tenants.managed_by IS 'apply: gatepost apply deletes the row when its files no longer hold it.';
COMMENT ON COLUMN group_tenants.managed_by IS 'apply: gatepost apply deletes the row when its files no longer hold it.';
COMMENT ON COLUMN manual_memberships.managed_by IS 'apply: gatepost apply deletes the row when its files no longer hold it.';
COMMENT ON COLUMN admin_overrides.managed_by IS 'apply: gatepost apply deletes the row when its files no longer hold it.';
