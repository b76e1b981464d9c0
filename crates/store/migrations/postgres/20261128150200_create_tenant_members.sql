-- Members that a tenant has by itself, beside those that groups bring. Its own administrators change them.

SET LOCAL search_path TO gatepost, pg_temp;

CREATE TABLE tenant_members (
    tenant_id text NOT NULL,
    user_id text NOT NULL,
    role text NOT NULL DEFAULT 'member' CONSTRAINT tenant_members_role_check CHECK (role IN ('admin', 'member', 'viewer')),
    source text NOT NULL DEFAULT 'manual' CONSTRAINT tenant_members_source_check CHECK (source IN ('manual', 'invitation', 'scim')),
    until bigint,
    created_at bigint NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT tenant_members_pkey PRIMARY KEY (tenant_id, user_id),
    CONSTRAINT tenant_members_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE,
    CONSTRAINT tenant_members_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX tenant_members_user_id_idx ON tenant_members (user_id);
CREATE INDEX tenant_members_until_idx ON tenant_members (until) WHERE until IS NOT NULL;
COMMENT ON COLUMN tenant_members.until IS 'From this second on the row counts no more.';

CREATE VIEW current_tenant_members AS
SELECT tenant_id, user_id, role, source, until, created_at, version FROM tenant_members
WHERE until IS NULL OR until > floor(extract(epoch FROM statement_timestamp()))::bigint;

CREATE TRIGGER count_version BEFORE UPDATE ON tenant_members FOR EACH ROW
    WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION count_version();
CREATE TRIGGER notify_insert AFTER INSERT ON tenant_members REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION notify_changed_users();
CREATE TRIGGER notify_update AFTER UPDATE ON tenant_members REFERENCING OLD TABLE AS was NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION notify_updated_users();
CREATE TRIGGER notify_delete AFTER DELETE ON tenant_members REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION notify_changed_users();
CREATE TRIGGER notify_truncate AFTER TRUNCATE ON tenant_members
    FOR EACH STATEMENT EXECUTE FUNCTION notify_truncated();

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
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON tenant_members TO %s', writer);
        EXECUTE format('GRANT SELECT ON current_tenant_members TO %s', writer);
    END LOOP;
END
$$;
