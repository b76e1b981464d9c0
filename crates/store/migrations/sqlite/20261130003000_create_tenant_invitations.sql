-- Invitations to tenants that nobody has accepted yet; as on Postgres, see there.

CREATE TABLE tenant_invitations (
    id TEXT NOT NULL CONSTRAINT tenant_invitations_pkey PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    email TEXT NOT NULL,
    role TEXT NOT NULL CONSTRAINT tenant_invitations_role_check CHECK (role IN ('admin', 'member', 'viewer')),
    hash BLOB NOT NULL CONSTRAINT tenant_invitations_hash_is_sha256 CHECK (length(hash) = 32),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    CONSTRAINT tenant_invitations_tenant_id_email_key UNIQUE (tenant_id, email),
    CONSTRAINT tenant_invitations_hash_key UNIQUE (hash),
    CONSTRAINT tenant_invitations_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX tenant_invitations_email_idx ON tenant_invitations (email);
CREATE INDEX tenant_invitations_expires_at_idx ON tenant_invitations (expires_at);
