-- API keys; as on Postgres, see there.

CREATE TABLE keys (
    id TEXT NOT NULL CONSTRAINT keys_pkey PRIMARY KEY,
    hash BLOB NOT NULL CONSTRAINT keys_hash_key UNIQUE,
    hint TEXT NOT NULL,
    name TEXT NOT NULL CONSTRAINT keys_name_check CHECK (length(name) BETWEEN 1 AND 64),
    machine_name TEXT NOT NULL CONSTRAINT keys_machine_name_key UNIQUE,
    tenant_id TEXT,
    owner_id TEXT,
    created_by TEXT NOT NULL,
    scopes TEXT NOT NULL,
    hosts TEXT NOT NULL DEFAULT '[]',
    networks TEXT NOT NULL DEFAULT '[]',
    tools TEXT NOT NULL DEFAULT '[]',
    role TEXT NOT NULL DEFAULT 'member' CONSTRAINT keys_role_check CHECK (role = 'member'),
    requests_per_minute INTEGER CONSTRAINT keys_requests_per_minute_check CHECK (requests_per_minute BETWEEN 1 AND 4294967295),
    expires_at INTEGER,
    endless_reason TEXT,
    previous_hash BLOB CONSTRAINT keys_previous_hash_key UNIQUE,
    previous_until INTEGER,
    last_used_at INTEGER,
    last_used_from TEXT,
    revoked_at INTEGER,
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    CONSTRAINT keys_endless_check CHECK (expires_at IS NOT NULL OR endless_reason IS NOT NULL),
    CONSTRAINT keys_previous_check CHECK ((previous_hash IS NULL) = (previous_until IS NULL)),
    CONSTRAINT keys_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE,
    CONSTRAINT keys_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX keys_tenant_id_idx ON keys (tenant_id, id) WHERE tenant_id IS NOT NULL;
CREATE INDEX keys_owner_id_idx ON keys (owner_id, id) WHERE owner_id IS NOT NULL;
CREATE INDEX keys_expires_at_idx ON keys (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE key_groups (
    key_id TEXT NOT NULL,
    group_id INTEGER NOT NULL,
    CONSTRAINT key_groups_pkey PRIMARY KEY (key_id, group_id),
    CONSTRAINT key_groups_key_id_fkey FOREIGN KEY (key_id) REFERENCES keys (id) ON DELETE CASCADE,
    CONSTRAINT key_groups_group_id_fkey FOREIGN KEY (group_id) REFERENCES groups (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX key_groups_group_id_idx ON key_groups (group_id);

-- A row of a key has no person. An older release takes it for one that concerns everybody.
ALTER TABLE changes ADD COLUMN key_id TEXT;

-- Use alone changes nothing about what a key may.
CREATE TRIGGER keys_count_version AFTER UPDATE OF hash, name, machine_name, tenant_id, owner_id, created_by, scopes, hosts, networks,
    tools, role, requests_per_minute, expires_at, endless_reason, previous_hash, previous_until, revoked_at ON keys
WHEN (OLD.hash, OLD.name, OLD.machine_name, OLD.tenant_id, OLD.owner_id, OLD.created_by, OLD.scopes, OLD.hosts, OLD.networks,
        OLD.tools, OLD.role, OLD.requests_per_minute, OLD.expires_at, OLD.endless_reason, OLD.previous_hash,
        OLD.previous_until, OLD.revoked_at)
    IS NOT (NEW.hash, NEW.name, NEW.machine_name, NEW.tenant_id, NEW.owner_id, NEW.created_by, NEW.scopes, NEW.hosts,
        NEW.networks, NEW.tools, NEW.role, NEW.requests_per_minute, NEW.expires_at, NEW.endless_reason, NEW.previous_hash,
        NEW.previous_until, NEW.revoked_at)
BEGIN
    UPDATE keys SET version = OLD.version + 1 WHERE id = NEW.id;
END;
CREATE TRIGGER keys_note_update AFTER UPDATE OF version ON keys WHEN OLD.version <> NEW.version BEGIN
    INSERT INTO changes (key_id) VALUES (NEW.id);
    INSERT INTO changes (user_id) SELECT NEW.owner_id WHERE NEW.owner_id IS NOT NULL;
END;
CREATE TRIGGER keys_note_owner AFTER UPDATE OF owner_id ON keys WHEN OLD.owner_id IS NOT NEW.owner_id AND OLD.owner_id IS NOT NULL BEGIN
    INSERT INTO changes (user_id) VALUES (OLD.owner_id);
END;
CREATE TRIGGER keys_note_delete AFTER DELETE ON keys BEGIN
    INSERT INTO changes (key_id) VALUES (OLD.id);
    INSERT INTO changes (user_id) SELECT OLD.owner_id WHERE OLD.owner_id IS NOT NULL;
END;
CREATE TRIGGER key_groups_note_insert AFTER INSERT ON key_groups BEGIN
    INSERT INTO changes (key_id) VALUES (NEW.key_id);
    INSERT INTO changes (user_id) SELECT owner_id FROM keys WHERE id = NEW.key_id AND owner_id IS NOT NULL;
END;
CREATE TRIGGER key_groups_note_update AFTER UPDATE ON key_groups BEGIN
    INSERT INTO changes (key_id) VALUES (OLD.key_id), (NEW.key_id);
    INSERT INTO changes (user_id) SELECT owner_id FROM keys WHERE id IN (OLD.key_id, NEW.key_id) AND owner_id IS NOT NULL;
END;
CREATE TRIGGER key_groups_note_delete AFTER DELETE ON key_groups BEGIN
    INSERT INTO changes (key_id) VALUES (OLD.key_id);
    INSERT INTO changes (user_id) SELECT owner_id FROM keys WHERE id = OLD.key_id AND owner_id IS NOT NULL;
END;
