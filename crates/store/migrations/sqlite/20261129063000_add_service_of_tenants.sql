-- The upstream to which the hosts of a tenant lead; as on Postgres, see there.

ALTER TABLE tenants ADD COLUMN service TEXT;
DROP TRIGGER tenants_count_version;
CREATE TRIGGER tenants_count_version
AFTER UPDATE OF name, managed_by, state, tier, features, limits, settings, branding, suspended_at, suspended_reason, deleted_at, service ON tenants
WHEN (OLD.name, OLD.managed_by, OLD.state, OLD.tier, OLD.features, OLD.limits, OLD.settings, OLD.branding, OLD.suspended_at,
        OLD.suspended_reason, OLD.deleted_at, OLD.service)
    IS NOT (NEW.name, NEW.managed_by, NEW.state, NEW.tier, NEW.features, NEW.limits, NEW.settings, NEW.branding, NEW.suspended_at,
        NEW.suspended_reason, NEW.deleted_at, NEW.service) BEGIN
    UPDATE tenants SET version = OLD.version + 1 WHERE id = NEW.id;
END;
