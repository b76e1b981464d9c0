-- The picture of a tenant, which its pages show; as on Postgres, see there.

CREATE TABLE tenant_logos (
    tenant_id TEXT NOT NULL CONSTRAINT tenant_logos_pkey PRIMARY KEY,
    hash BLOB NOT NULL CONSTRAINT tenant_logos_hash_is_sha256 CHECK (length(hash) = 32),
    content BLOB NOT NULL CONSTRAINT tenant_logos_content_is_short CHECK (length(content) <= 65536),
    created_at INTEGER NOT NULL,
    CONSTRAINT tenant_logos_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX tenant_logos_hash_idx ON tenant_logos (hash);

-- The gate reads how pages look whenever something changes, and nothing is said about most of them.
CREATE INDEX tenants_branding_idx ON tenants (id) WHERE branding <> '{}';
