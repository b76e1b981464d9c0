-- The version of a row counts its changes; as on Postgres, see there.

ALTER TABLE users ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE groups ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE tenants ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE group_tenants ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE manual_memberships ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE admin_overrides ADD COLUMN version INTEGER NOT NULL DEFAULT 1;

CREATE TRIGGER users_count_version AFTER UPDATE ON users
WHEN (OLD.email, OLD.name, OLD.disabled_at, OLD.sessions_not_before)
    IS NOT (NEW.email, NEW.name, NEW.disabled_at, NEW.sessions_not_before)
BEGIN
    UPDATE users SET version = OLD.version + 1 WHERE id = NEW.id;
END;
CREATE TRIGGER groups_count_version AFTER UPDATE OF name ON groups WHEN OLD.name IS NOT NEW.name BEGIN
    UPDATE groups SET version = OLD.version + 1 WHERE id = NEW.id;
END;
CREATE TRIGGER tenants_count_version AFTER UPDATE OF name ON tenants WHEN OLD.name IS NOT NEW.name BEGIN
    UPDATE tenants SET version = OLD.version + 1 WHERE id = NEW.id;
END;
CREATE TRIGGER group_tenants_count_version AFTER UPDATE OF role ON group_tenants WHEN OLD.role IS NOT NEW.role BEGIN
    UPDATE group_tenants SET version = OLD.version + 1 WHERE group_id = NEW.group_id AND tenant_id = NEW.tenant_id;
END;
CREATE TRIGGER admin_overrides_count_version AFTER UPDATE OF is_admin ON admin_overrides
WHEN OLD.is_admin IS NOT NEW.is_admin BEGIN
    UPDATE admin_overrides SET version = OLD.version + 1 WHERE user_id = NEW.user_id;
END;
