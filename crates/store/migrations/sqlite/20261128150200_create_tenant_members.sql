-- Members that a tenant has by itself; as on Postgres, see there.

CREATE TABLE tenant_members (
    tenant_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    role TEXT NOT NULL DEFAULT 'member' CONSTRAINT tenant_members_role_check CHECK (role IN ('admin', 'member', 'viewer')),
    source TEXT NOT NULL DEFAULT 'manual' CONSTRAINT tenant_members_source_check CHECK (source IN ('manual', 'invitation', 'scim')),
    until INTEGER,
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    CONSTRAINT tenant_members_pkey PRIMARY KEY (tenant_id, user_id),
    CONSTRAINT tenant_members_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE,
    CONSTRAINT tenant_members_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX tenant_members_user_id_idx ON tenant_members (user_id);
CREATE INDEX tenant_members_until_idx ON tenant_members (until) WHERE until IS NOT NULL;

CREATE VIEW current_tenant_members AS
SELECT tenant_id, user_id, role, source, until, created_at, version FROM tenant_members
WHERE until IS NULL OR until > unixepoch();

CREATE TRIGGER tenant_members_count_version AFTER UPDATE OF role, source, until ON tenant_members
WHEN (OLD.role, OLD.source, OLD.until) IS NOT (NEW.role, NEW.source, NEW.until) BEGIN
    UPDATE tenant_members SET version = OLD.version + 1 WHERE tenant_id = NEW.tenant_id AND user_id = NEW.user_id;
END;
CREATE TRIGGER tenant_members_note_insert AFTER INSERT ON tenant_members BEGIN
    INSERT INTO changes (user_id) VALUES (NEW.user_id);
END;
CREATE TRIGGER tenant_members_note_update AFTER UPDATE ON tenant_members BEGIN
    INSERT INTO changes (user_id) VALUES (OLD.user_id), (NEW.user_id);
END;
CREATE TRIGGER tenant_members_note_delete AFTER DELETE ON tenant_members BEGIN
    INSERT INTO changes (user_id) VALUES (OLD.user_id);
END;
