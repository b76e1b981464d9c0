-- A tenant may have a provider of its own, and domains whose addresses that provider asserts; as on Postgres, see there.

CREATE TABLE tenant_providers (
    tenant_id TEXT NOT NULL CONSTRAINT tenant_providers_pkey PRIMARY KEY,
    kind TEXT NOT NULL CONSTRAINT tenant_providers_kind_check CHECK (kind IN ('entra', 'oidc')),
    place TEXT NOT NULL,
    client_id TEXT NOT NULL,
    secret TEXT NOT NULL,
    label TEXT NOT NULL,
    groups_claim TEXT,
    trusts_addresses INTEGER NOT NULL DEFAULT false CONSTRAINT tenant_providers_trusts_addresses_check CHECK (trusts_addresses IN (0, 1)),
    is_only INTEGER NOT NULL DEFAULT false CONSTRAINT tenant_providers_is_only_check CHECK (is_only IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER,
    version INTEGER NOT NULL DEFAULT 1,
    CONSTRAINT tenant_providers_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE tenant_domains (
    tenant_id TEXT NOT NULL,
    domain TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'proposed' CONSTRAINT tenant_domains_state_check CHECK (state IN ('proposed', 'active', 'refused')),
    proof TEXT NOT NULL CONSTRAINT tenant_domains_proof_check CHECK (length(proof) = 32 AND proof NOT GLOB '*[^0-9a-f]*'),
    proved_at INTEGER,
    created_at INTEGER NOT NULL,
    CONSTRAINT tenant_domains_pkey PRIMARY KEY (tenant_id, domain),
    CONSTRAINT tenant_domains_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant_providers (tenant_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX tenant_domains_active_idx ON tenant_domains (domain) WHERE state = 'active';

CREATE TRIGGER tenant_providers_count_version
AFTER UPDATE OF kind, place, client_id, secret, label, groups_claim, trusts_addresses, is_only, updated_at ON tenant_providers
WHEN (OLD.kind, OLD.place, OLD.client_id, OLD.secret, OLD.label, OLD.groups_claim, OLD.trusts_addresses, OLD.is_only, OLD.updated_at)
    IS NOT (NEW.kind, NEW.place, NEW.client_id, NEW.secret, NEW.label, NEW.groups_claim, NEW.trusts_addresses, NEW.is_only, NEW.updated_at)
BEGIN
    UPDATE tenant_providers SET version = OLD.version + 1 WHERE tenant_id = NEW.tenant_id;
END;
CREATE TRIGGER tenant_providers_note_insert AFTER INSERT ON tenant_providers BEGIN
    INSERT INTO changes (user_id) VALUES (NULL);
END;
CREATE TRIGGER tenant_providers_note_update AFTER UPDATE ON tenant_providers BEGIN
    INSERT INTO changes (user_id) VALUES (NULL);
END;
CREATE TRIGGER tenant_providers_note_delete AFTER DELETE ON tenant_providers BEGIN
    INSERT INTO changes (user_id) VALUES (NULL);
END;
CREATE TRIGGER tenant_domains_note_insert AFTER INSERT ON tenant_domains BEGIN
    INSERT INTO changes (user_id) VALUES (NULL);
END;
CREATE TRIGGER tenant_domains_note_update AFTER UPDATE ON tenant_domains BEGIN
    INSERT INTO changes (user_id) VALUES (NULL);
END;
CREATE TRIGGER tenant_domains_note_delete AFTER DELETE ON tenant_domains BEGIN
    INSERT INTO changes (user_id) VALUES (NULL);
END;
