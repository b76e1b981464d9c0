-- Who set a tier or a rule of a tool server last; as on Postgres, see there. A new manager counts as a change of the tier, as it
-- does on Postgres.

ALTER TABLE tiers ADD COLUMN managed_by TEXT;
ALTER TABLE tool_rules ADD COLUMN managed_by TEXT;

DROP TRIGGER tiers_count_version;
CREATE TRIGGER tiers_count_version AFTER UPDATE OF features, limits, managed_by ON tiers
WHEN (OLD.features, OLD.limits, OLD.managed_by) IS NOT (NEW.features, NEW.limits, NEW.managed_by) BEGIN
    UPDATE tiers SET version = OLD.version + 1 WHERE id = NEW.id;
END;
