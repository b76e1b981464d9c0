-- A tenant has a life, a tier, hosts and settings of its own. What a tenant has of `features` and `limits` overrides its
-- tier's. Every replica reads states and hosts: each change of them concerns everybody.

SET LOCAL search_path TO gatepost, pg_temp;

ALTER TABLE tenants ADD COLUMN state text NOT NULL DEFAULT 'active';
ALTER TABLE tenants ADD COLUMN tier text;
ALTER TABLE tenants ADD COLUMN features text NOT NULL DEFAULT '{}';
ALTER TABLE tenants ADD COLUMN limits text NOT NULL DEFAULT '{}';
ALTER TABLE tenants ADD COLUMN settings text NOT NULL DEFAULT '{}';
ALTER TABLE tenants ADD COLUMN branding text NOT NULL DEFAULT '{}';
ALTER TABLE tenants ADD COLUMN updated_at bigint;
ALTER TABLE tenants ADD COLUMN suspended_at bigint;
ALTER TABLE tenants ADD COLUMN suspended_reason text;
ALTER TABLE tenants ADD COLUMN deleted_at bigint;
ALTER TABLE tenants ADD CONSTRAINT tenants_state_check CHECK (state IN ('active', 'suspended', 'deleted'));
ALTER TABLE tenants ADD CONSTRAINT tenants_suspended_check CHECK (state <> 'suspended' OR suspended_at IS NOT NULL);
ALTER TABLE tenants ADD CONSTRAINT tenants_deleted_check CHECK ((state = 'deleted') = (deleted_at IS NOT NULL));
CREATE INDEX tenants_deleted_at_idx ON tenants (deleted_at) WHERE deleted_at IS NOT NULL;
COMMENT ON COLUMN tenants.tier IS 'NULL: no tier limits the tenant.';
COMMENT ON COLUMN tenants.features IS 'A JSON object, as are limits, settings and branding.';
COMMENT ON COLUMN tenants.settings IS 'Kept for other programs. Gatepost does not read it.';
COMMENT ON COLUMN tenants.updated_at IS 'NULL: unchanged since it was created.';
COMMENT ON COLUMN tenants.suspended_at IS 'Kept while the tenant is deleted: what is restored is suspended again.';
COMMENT ON COLUMN tenants.deleted_at IS 'The row and everything of the tenant is erased 30 days later.';

CREATE TABLE tenant_hosts (
    host text CONSTRAINT tenant_hosts_pkey PRIMARY KEY,
    tenant_id text NOT NULL,
    state text NOT NULL DEFAULT 'proposed' CONSTRAINT tenant_hosts_state_check CHECK (state IN ('proposed', 'active', 'refused')),
    proof text NOT NULL CONSTRAINT tenant_hosts_proof_check CHECK (proof ~ '^[0-9a-f]{32}$'),
    proved_at bigint,
    created_at bigint NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT tenant_hosts_host_is_a_name CHECK (host ~ '^[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*$' AND length(host) <= 253),
    CONSTRAINT tenant_hosts_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
);
CREATE INDEX tenant_hosts_tenant_id_idx ON tenant_hosts (tenant_id);
COMMENT ON COLUMN tenant_hosts.proof IS 'What the record TXT _gatepost.<host> must say after "gatepost=".';
COMMENT ON COLUMN tenant_hosts.proved_at IS 'When the record was found, or a system administrator confirmed the host.';

-- The tiers that come with Gatepost are in the program. A row replaces the one of its name, or adds one.
CREATE TABLE tiers (
    id text CONSTRAINT tiers_pkey PRIMARY KEY,
    features text NOT NULL DEFAULT '{}',
    limits text NOT NULL DEFAULT '{}',
    created_at bigint NOT NULL,
    updated_at bigint,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT tiers_id_is_an_id CHECK (is_tenant_id(id))
);
COMMENT ON COLUMN tiers.features IS 'A JSON object, as is limits.';

-- Another name or other settings change nothing about what anybody may.
CREATE FUNCTION notify_updated_tenants() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (SELECT FROM was JOIN changed USING (id)
        WHERE (was.state, was.suspended_reason, was.tier, was.features, was.limits, was.branding)
            IS DISTINCT FROM (changed.state, changed.suspended_reason, changed.tier, changed.features, changed.limits, changed.branding))
    THEN
        PERFORM pg_notify('gatepost', '*');
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER notify_update AFTER UPDATE ON tenants REFERENCING OLD TABLE AS was NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION notify_updated_tenants();
REVOKE EXECUTE ON FUNCTION notify_updated_tenants() FROM PUBLIC;

DO $$
DECLARE
    named text;
    writer regrole;
BEGIN
    FOREACH named IN ARRAY ARRAY['tenant_hosts', 'tiers'] LOOP
        EXECUTE format('CREATE TRIGGER count_version BEFORE UPDATE ON %I FOR EACH ROW
            WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION count_version()', named);
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
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON tenant_hosts, tiers TO %s', writer);
    END LOOP;
END
$$;
