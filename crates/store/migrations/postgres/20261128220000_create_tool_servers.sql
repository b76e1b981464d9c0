-- Servers that speak the Model Context Protocol, and who may use which of their tools. Their rules are read by every
-- replica: each change of them concerns everybody.

SET LOCAL search_path TO gatepost, pg_temp;

CREATE TABLE tool_servers (
    id text CONSTRAINT tool_servers_pkey PRIMARY KEY,
    tenant_id text NOT NULL,
    url text NOT NULL CONSTRAINT tool_servers_url_key UNIQUE,
    name text,
    provider text,
    audience text,
    scopes text NOT NULL DEFAULT '[]',
    mode text NOT NULL DEFAULT 'body' CONSTRAINT tool_servers_mode_check CHECK (mode IN ('body', 'headers')),
    documentation text,
    is_default boolean NOT NULL DEFAULT false,
    created_at bigint NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT tool_servers_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
);
CREATE INDEX tool_servers_tenant_id_idx ON tool_servers (tenant_id);
COMMENT ON COLUMN tool_servers.url IS 'Compared letter by letter, by providers too.';
COMMENT ON COLUMN tool_servers.scopes IS 'A JSON array of texts.';

-- With a group that was deleted a rule is for nobody, but it still closes its kind: without it everybody could use all.
CREATE TABLE tool_rules (
    id text CONSTRAINT tool_rules_pkey PRIMARY KEY,
    tool_server_id text NOT NULL,
    subject text NOT NULL,
    group_id bigint,
    kind text NOT NULL CONSTRAINT tool_rules_kind_check CHECK (kind IN ('tool', 'prompt', 'resource')),
    pattern text NOT NULL,
    created_at bigint NOT NULL,
    CONSTRAINT tool_rules_subject_check CHECK (group_id IS NULL OR subject = 'group'),
    CONSTRAINT tool_rules_tool_server_id_fkey FOREIGN KEY (tool_server_id) REFERENCES tool_servers (id) ON DELETE CASCADE,
    CONSTRAINT tool_rules_group_id_fkey FOREIGN KEY (group_id) REFERENCES groups (id) ON DELETE SET NULL
);
CREATE UNIQUE INDEX tool_rules_subject_key ON tool_rules (tool_server_id, kind, pattern, subject) WHERE subject <> 'group';
CREATE UNIQUE INDEX tool_rules_group_key ON tool_rules (tool_server_id, kind, pattern, group_id) WHERE group_id IS NOT NULL;
CREATE INDEX tool_rules_group_id_idx ON tool_rules (group_id) WHERE group_id IS NOT NULL;
COMMENT ON COLUMN tool_rules.subject IS 'everyone, group, role:ROLE or key:ID.';

CREATE TRIGGER count_version BEFORE UPDATE ON tool_servers FOR EACH ROW
    WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION count_version();

DO $$
DECLARE
    named text;
    writer regrole;
BEGIN
    FOREACH named IN ARRAY ARRAY['tool_servers', 'tool_rules'] LOOP
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
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON tool_servers, tool_rules TO %s', writer);
    END LOOP;
END
$$;
