-- By which way a change came, which tenant it concerns, and by which key it was made. Rows of older releases and of the
-- views say the way by their actor.

SET LOCAL search_path TO gatepost, pg_temp;

ALTER TABLE audit_entries ADD COLUMN via text;
ALTER TABLE audit_entries ADD COLUMN tenant_id text;
ALTER TABLE audit_entries ADD COLUMN key_id text;
CREATE INDEX audit_entries_tenant_id_idx ON audit_entries (tenant_id, at, id) WHERE tenant_id IS NOT NULL;
COMMENT ON COLUMN audit_entries.via IS 'cli, api, portal, view, scim, sync or gate; none: what the actor says.';
COMMENT ON COLUMN audit_entries.tenant_id IS 'The tenant whose administrators may read the row.';
COMMENT ON COLUMN audit_entries.key_id IS 'The key with which the actor made the change.';
