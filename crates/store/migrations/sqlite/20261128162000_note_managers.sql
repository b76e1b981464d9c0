-- Who set a row last; as on Postgres, see there. A new manager counts as a change of the row, as it does on Postgres.

ALTER TABLE groups ADD COLUMN managed_by TEXT;
ALTER TABLE provider_groups ADD COLUMN managed_by TEXT;
ALTER TABLE tenants ADD COLUMN managed_by TEXT;
ALTER TABLE group_tenants ADD COLUMN managed_by TEXT;
ALTER TABLE manual_memberships ADD COLUMN managed_by TEXT;
ALTER TABLE admin_overrides ADD COLUMN managed_by TEXT;

DROP TRIGGER groups_count_version;
CREATE TRIGGER groups_count_version AFTER UPDATE OF name, managed_by ON groups
WHEN (OLD.name, OLD.managed_by) IS NOT (NEW.name, NEW.managed_by) BEGIN
    UPDATE groups SET version = OLD.version + 1 WHERE id = NEW.id;
END;
DROP TRIGGER tenants_count_version;
CREATE TRIGGER tenants_count_version AFTER UPDATE OF name, managed_by ON tenants
WHEN (OLD.name, OLD.managed_by) IS NOT (NEW.name, NEW.managed_by) BEGIN
    UPDATE tenants SET version = OLD.version + 1 WHERE id = NEW.id;
END;
DROP TRIGGER group_tenants_count_version;
CREATE TRIGGER group_tenants_count_version AFTER UPDATE OF role, managed_by ON group_tenants
WHEN (OLD.role, OLD.managed_by) IS NOT (NEW.role, NEW.managed_by) BEGIN
    UPDATE group_tenants SET version = OLD.version + 1 WHERE group_id = NEW.group_id AND tenant_id = NEW.tenant_id;
END;
DROP TRIGGER manual_memberships_count_version;
CREATE TRIGGER manual_memberships_count_version AFTER UPDATE OF until, managed_by ON manual_memberships
WHEN (OLD.until, OLD.managed_by) IS NOT (NEW.until, NEW.managed_by) BEGIN
    UPDATE manual_memberships SET version = OLD.version + 1
    WHERE user_id = NEW.user_id AND group_id = NEW.group_id AND source = NEW.source;
END;
DROP TRIGGER admin_overrides_count_version;
CREATE TRIGGER admin_overrides_count_version AFTER UPDATE OF is_admin, until, managed_by ON admin_overrides
WHEN (OLD.is_admin, OLD.until, OLD.managed_by) IS NOT (NEW.is_admin, NEW.until, NEW.managed_by) BEGIN
    UPDATE admin_overrides SET version = OLD.version + 1 WHERE user_id = NEW.user_id;
END;
