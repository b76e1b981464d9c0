-- Requests of people for access to a group or a tenant, with what administrators decided. Kept 90 days. No notification:
-- a request decides nothing, and what is granted is a membership.

SET LOCAL search_path TO gatepost, pg_temp;

CREATE TABLE access_requests (
    id text CONSTRAINT access_requests_pkey PRIMARY KEY,
    user_id text NOT NULL,
    group_id bigint,
    tenant_id text,
    note text CONSTRAINT access_requests_note_check CHECK (char_length(note) <= 280),
    state text NOT NULL DEFAULT 'open' CONSTRAINT access_requests_state_check CHECK (state IN ('open', 'granted', 'declined', 'withdrawn')),
    created_at bigint NOT NULL,
    decided_at bigint,
    decided_by text,
    answer text CONSTRAINT access_requests_answer_check CHECK (char_length(answer) <= 280),
    until bigint,
    CONSTRAINT access_requests_wanted_check CHECK ((group_id IS NULL) <> (tenant_id IS NULL)),
    CONSTRAINT access_requests_decided_check CHECK ((state = 'open') = (decided_at IS NULL)),
    CONSTRAINT access_requests_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT access_requests_group_id_fkey FOREIGN KEY (group_id) REFERENCES groups (id) ON DELETE CASCADE,
    CONSTRAINT access_requests_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX access_requests_open_group_key ON access_requests (user_id, group_id) WHERE state = 'open' AND group_id IS NOT NULL;
CREATE UNIQUE INDEX access_requests_open_tenant_key ON access_requests (user_id, tenant_id) WHERE state = 'open' AND tenant_id IS NOT NULL;
CREATE INDEX access_requests_open_idx ON access_requests (id) WHERE state = 'open';
CREATE INDEX access_requests_user_id_idx ON access_requests (user_id, created_at);
CREATE INDEX access_requests_created_at_idx ON access_requests (created_at);
CREATE INDEX access_requests_group_id_idx ON access_requests (group_id) WHERE group_id IS NOT NULL;
CREATE INDEX access_requests_tenant_id_idx ON access_requests (tenant_id) WHERE tenant_id IS NOT NULL;
COMMENT ON COLUMN access_requests.note IS 'What the person wrote.';
COMMENT ON COLUMN access_requests.decided_by IS 'Who decided, or withdrew it, as the audit names them.';
COMMENT ON COLUMN access_requests.answer IS 'What the administrator wrote who declined.';
COMMENT ON COLUMN access_requests.until IS 'The end of what was granted.';

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
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON access_requests TO %s', writer);
    END LOOP;
END
$$;
