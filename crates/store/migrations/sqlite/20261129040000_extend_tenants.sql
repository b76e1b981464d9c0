-- A tenant has a life, a tier, hosts and settings of its own; as on Postgres, see there.

ALTER TABLE tenants ADD COLUMN state TEXT NOT NULL DEFAULT 'active' CONSTRAINT tenants_state_check CHECK (state IN ('active', 'suspended', 'deleted'));
ALTER TABLE tenants ADD COLUMN tier TEXT;
ALTER TABLE tenants ADD COLUMN features TEXT NOT NULL DEFAULT '{}';
ALTER TABLE tenants ADD COLUMN limits TEXT NOT NULL DEFAULT '{}';
ALTER TABLE tenants ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
ALTER TABLE tenants ADD COLUMN branding TEXT NOT NULL DEFAULT '{}';
ALTER TABLE tenants ADD COLUMN updated_at INTEGER;
ALTER TABLE tenants ADD COLUMN suspended_at INTEGER CONSTRAINT tenants_suspended_check CHECK (state <> 'suspended' OR suspended_at IS NOT NULL);
ALTER TABLE tenants ADD COLUMN suspended_reason TEXT;
ALTER TABLE tenants ADD COLUMN deleted_at INTEGER CONSTRAINT tenants_deleted_check CHECK ((state = 'deleted') = (deleted_at IS NOT NULL));
CREATE INDEX tenants_deleted_at_idx ON tenants (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE tenant_hosts (
    host TEXT NOT NULL CONSTRAINT tenant_hosts_pkey PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'proposed' CONSTRAINT tenant_hosts_state_check CHECK (state IN ('proposed', 'active', 'refused')),
    proof TEXT NOT NULL CONSTRAINT tenant_hosts_proof_check CHECK (length(proof) = 32 AND proof NOT GLOB '*[^0-9a-f]*'),
    proved_at INTEGER,
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    CONSTRAINT tenant_hosts_host_is_a_name CHECK (
        length(host) BETWEEN 1 AND 253 AND host NOT GLOB '*[^a-z0-9.-]*'
        AND host NOT GLOB '.*' AND host NOT GLOB '*.' AND host NOT GLOB '*..*'
        -- no label above 63
        AND host NOT GLOB '*' || replace(hex(zeroblob(64)), '00', '[a-z0-9-]') || '*'
    ),
    CONSTRAINT tenant_hosts_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX tenant_hosts_tenant_id_idx ON tenant_hosts (tenant_id);

-- The tiers that come with Gatepost are in the program. A row replaces the one of its name, or adds one.
CREATE TABLE tiers (
    id TEXT NOT NULL CONSTRAINT tiers_pkey PRIMARY KEY,
    features TEXT NOT NULL DEFAULT '{}',
    limits TEXT NOT NULL DEFAULT '{}',
    created_at INTEGER NOT NULL,
    updated_at INTEGER,
    version INTEGER NOT NULL DEFAULT 1,
    CONSTRAINT tiers_id_is_an_id CHECK (length(id) BETWEEN 1 AND 64 AND id NOT GLOB '*[^A-Za-z0-9._-]*')
) STRICT, WITHOUT ROWID;

DROP TRIGGER tenants_count_version;
CREATE TRIGGER tenants_count_version
AFTER UPDATE OF name, managed_by, state, tier, features, limits, settings, branding, suspended_at, suspended_reason, deleted_at ON tenants
WHEN (OLD.name, OLD.managed_by, OLD.state, OLD.tier, OLD.features, OLD.limits, OLD.settings, OLD.branding, OLD.suspended_at,
        OLD.suspended_reason, OLD.deleted_at)
    IS NOT (NEW.name, NEW.managed_by, NEW.state, NEW.tier, NEW.features, NEW.limits, NEW.settings, NEW.branding, NEW.suspended_at,
        NEW.suspended_reason, NEW.deleted_at) BEGIN
    UPDATE tenants SET version = OLD.version + 1 WHERE id = NEW.id;
END;
-- Another name or other settings change nothing about what anybody may.
CREATE TRIGGER tenants_note_update AFTER UPDATE OF state, suspended_reason, tier, features, limits, branding ON tenants
WHEN (OLD.state, OLD.suspended_reason, OLD.tier, OLD.features, OLD.limits, OLD.branding)
    IS NOT (NEW.state, NEW.suspended_reason, NEW.tier, NEW.features, NEW.limits, NEW.branding) BEGIN
    INSERT INTO changes (user_id) VALUES (NULL);
END;

CREATE TRIGGER tenant_hosts_count_version AFTER UPDATE OF tenant_id, state, proof, proved_at ON tenant_hosts
WHEN (OLD.tenant_id, OLD.state, OLD.proof, OLD.proved_at) IS NOT (NEW.tenant_id, NEW.state, NEW.proof, NEW.proved_at) BEGIN
    UPDATE tenant_hosts SET version = OLD.version + 1 WHERE host = NEW.host;
END;
CREATE TRIGGER tenant_hosts_note_insert AFTER INSERT ON tenant_hosts BEGIN
    INSERT INTO changes (user_id) VALUES (NULL);
END;
CREATE TRIGGER tenant_hosts_note_update AFTER UPDATE ON tenant_hosts BEGIN
    INSERT INTO changes (user_id) VALUES (NULL);
END;
CREATE TRIGGER tenant_hosts_note_delete AFTER DELETE ON tenant_hosts BEGIN
    INSERT INTO changes (user_id) VALUES (NULL);
END;
CREATE TRIGGER tiers_count_version AFTER UPDATE OF features, limits ON tiers
WHEN (OLD.features, OLD.limits) IS NOT (NEW.features, NEW.limits) BEGIN
    UPDATE tiers SET version = OLD.version + 1 WHERE id = NEW.id;
END;
CREATE TRIGGER tiers_note_insert AFTER INSERT ON tiers BEGIN
    INSERT INTO changes (user_id) VALUES (NULL);
END;
CREATE TRIGGER tiers_note_update AFTER UPDATE ON tiers BEGIN
    INSERT INTO changes (user_id) VALUES (NULL);
END;
CREATE TRIGGER tiers_note_delete AFTER DELETE ON tiers BEGIN
    INSERT INTO changes (user_id) VALUES (NULL);
END;
