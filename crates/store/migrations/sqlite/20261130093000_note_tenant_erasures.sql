-- Tenants that were erased; as on Postgres, see there.

CREATE TABLE tenant_erasures (
    tenant_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    at INTEGER NOT NULL,
    CONSTRAINT tenant_erasures_pkey PRIMARY KEY (tenant_id, created_at)
) STRICT, WITHOUT ROWID;
