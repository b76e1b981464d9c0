-- Invitations to tenants that nobody has accepted yet. Whoever accepts one becomes a member, and its row goes.

SET LOCAL search_path TO gatepost, pg_temp;

CREATE TABLE tenant_invitations (
    id text CONSTRAINT tenant_invitations_pkey PRIMARY KEY,
    tenant_id text NOT NULL,
    email text NOT NULL,
    role text NOT NULL CONSTRAINT tenant_invitations_role_check CHECK (role IN ('admin', 'member', 'viewer')),
    hash bytea NOT NULL CONSTRAINT tenant_invitations_hash_is_sha256 CHECK (length(hash) = 32),
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    CONSTRAINT tenant_invitations_tenant_id_email_key UNIQUE (tenant_id, email),
    CONSTRAINT tenant_invitations_hash_key UNIQUE (hash),
    CONSTRAINT tenant_invitations_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
);
CREATE INDEX tenant_invitations_email_idx ON tenant_invitations (email);
CREATE INDEX tenant_invitations_expires_at_idx ON tenant_invitations (expires_at);
COMMENT ON COLUMN tenant_invitations.hash IS 'SHA-256 of the secret in the link.';

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
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON tenant_invitations TO %s', writer);
    END LOOP;
END
$$;
