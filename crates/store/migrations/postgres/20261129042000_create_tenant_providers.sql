-- A tenant may have a provider of its own, and domains whose addresses that provider asserts. Every replica reads both: each
-- change of them concerns everybody.

SET LOCAL search_path TO gatepost, pg_temp;

CREATE TABLE tenant_providers (
    tenant_id text CONSTRAINT tenant_providers_pkey PRIMARY KEY,
    kind text NOT NULL CONSTRAINT tenant_providers_kind_check CHECK (kind IN ('entra', 'oidc')),
    place text NOT NULL,
    client_id text NOT NULL,
    secret text NOT NULL,
    label text NOT NULL,
    groups_claim text,
    trusts_addresses boolean NOT NULL DEFAULT false,
    is_only boolean NOT NULL DEFAULT false,
    created_at bigint NOT NULL,
    updated_at bigint,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT tenant_providers_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
);
COMMENT ON COLUMN tenant_providers.place IS 'The issuer; for entra the id of the tenant there.';
COMMENT ON COLUMN tenant_providers.secret IS 'The client secret, sealed by the key ring for this tenant.';
COMMENT ON COLUMN tenant_providers.groups_claim IS 'NULL: groups are not read.';
COMMENT ON COLUMN tenant_providers.trusts_addresses IS 'Addresses count without email_verified.';
COMMENT ON COLUMN tenant_providers.is_only IS 'At hosts of the tenant no other provider is offered.';

CREATE TABLE tenant_domains (
    tenant_id text NOT NULL,
    domain text NOT NULL,
    state text NOT NULL DEFAULT 'proposed' CONSTRAINT tenant_domains_state_check CHECK (state IN ('proposed', 'active', 'refused')),
    proof text NOT NULL CONSTRAINT tenant_domains_proof_check CHECK (proof ~ '^[0-9a-f]{32}$'),
    proved_at bigint,
    created_at bigint NOT NULL,
    CONSTRAINT tenant_domains_pkey PRIMARY KEY (tenant_id, domain),
    CONSTRAINT tenant_domains_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant_providers (tenant_id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX tenant_domains_active_idx ON tenant_domains (domain) WHERE state = 'active';
COMMENT ON COLUMN tenant_domains.proof IS 'What the record TXT _gatepost.<domain> must say after "gatepost=".';

DO $$
DECLARE
    named text;
    writer regrole;
BEGIN
    CREATE TRIGGER count_version BEFORE UPDATE ON tenant_providers FOR EACH ROW
        WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION count_version();
    FOREACH named IN ARRAY ARRAY['tenant_providers', 'tenant_domains'] LOOP
        EXECUTE format('CREATE TRIGGER notify_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS changed
            FOR EACH STATEMENT EXECUTE FUNCTION notify_everybody()', named);
        EXECUTE format('CREATE TRIGGER notify_update AFTER UPDATE ON %I REFERENCING NEW TABLE AS changed
            FOR EACH STATEMENT EXECUTE FUNCTION notify_everybody()', named);
        EXECUTE format('CREATE TRIGGER notify_delete AFTER DELETE ON %I REFERENCING OLD TABLE AS changed
            FOR EACH STATEMENT EXECUTE FUNCTION notify_everybody()', named);
        EXECUTE format('CREATE TRIGGER notify_truncate AFTER TRUNCATE ON %I
            FOR EACH STATEMENT EXECUTE FUNCTION notify_truncated()', named);
    END LOOP;
    -- Gatepost may run as a role that owns nothing: whoever writes memberships writes these too.
    FOR writer IN
        SELECT DISTINCT granted.grantee FROM pg_class c, aclexplode(c.relacl) AS granted
        WHERE c.oid = 'manual_memberships'::regclass AND granted.grantee NOT IN (0, c.relowner)
        AND granted.privilege_type = 'INSERT'
    LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON tenant_providers, tenant_domains TO %s', writer);
    END LOOP;
END
$$;
