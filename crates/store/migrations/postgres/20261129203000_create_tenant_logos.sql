-- The picture of a tenant, which its pages show. That another one is there is said by `branding` of the tenant.

SET LOCAL search_path TO gatepost, pg_temp;

CREATE TABLE tenant_logos (
    tenant_id text CONSTRAINT tenant_logos_pkey PRIMARY KEY,
    hash bytea NOT NULL CONSTRAINT tenant_logos_hash_is_sha256 CHECK (length(hash) = 32),
    content bytea NOT NULL CONSTRAINT tenant_logos_content_is_short CHECK (length(content) <= 65536),
    created_at bigint NOT NULL,
    CONSTRAINT tenant_logos_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
);
CREATE INDEX tenant_logos_hash_idx ON tenant_logos (hash);

-- The gate reads how pages look whenever something changes, and nothing is said about most of them.
CREATE INDEX tenants_branding_idx ON tenants (id) WHERE branding <> '{}';
COMMENT ON COLUMN tenant_logos.hash IS 'SHA-256 of the content, and the name of the picture.';

-- Gatepost may run as a role that owns nothing: whoever writes memberships writes these too.
DO $$
DECLARE
    writer regrole;
BEGIN
    FOR writer IN
        SELECT DISTINCT granted.grantee FROM pg_class c, aclexplode(c.relacl) AS granted
        WHERE c.oid = 'manual_memberships'::regclass AND granted.grantee NOT IN (0, c.relowner)
        AND granted.privilege_type = 'INSERT'
    LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON tenant_logos TO %s', writer);
    END LOOP;
END
$$;
