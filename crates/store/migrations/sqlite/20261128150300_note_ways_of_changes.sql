-- By which way a change came, which tenant it concerns, and by which key it was made; as on Postgres, see there.

ALTER TABLE audit_entries ADD COLUMN via TEXT;
ALTER TABLE audit_entries ADD COLUMN tenant_id TEXT;
ALTER TABLE audit_entries ADD COLUMN key_id TEXT;
CREATE INDEX audit_entries_tenant_id_idx ON audit_entries (tenant_id, at, id) WHERE tenant_id IS NOT NULL;
