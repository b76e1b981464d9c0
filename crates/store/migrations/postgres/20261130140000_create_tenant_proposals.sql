-- Tenants that people propose, with what system administrators decided. Kept 30 days. No notification: a proposal decides
-- nothing, and what is approved is a tenant with a member. The proposed id is no reference: the tenant is not there yet.

SET LOCAL search_path TO gatepost, pg_temp;

CREATE TABLE tenant_proposals (
    id text CONSTRAINT tenant_proposals_pkey PRIMARY KEY,
    user_id text NOT NULL,
    tenant_id text NOT NULL,
    name text NOT NULL CONSTRAINT tenant_proposals_name_check CHECK (char_length(name) <= 256),
    reason text CONSTRAINT tenant_proposals_reason_check CHECK (char_length(reason) <= 280),
    state text NOT NULL DEFAULT 'open' CONSTRAINT tenant_proposals_state_check CHECK (state IN ('open', 'approved', 'refused')),
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    decided_at bigint,
    decided_by text,
    answer text CONSTRAINT tenant_proposals_answer_check CHECK (char_length(answer) <= 280),
    CONSTRAINT tenant_proposals_decided_check CHECK ((state = 'open') = (decided_at IS NULL)),
    CONSTRAINT tenant_proposals_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX tenant_proposals_open_user_key ON tenant_proposals (user_id) WHERE state = 'open';
CREATE UNIQUE INDEX tenant_proposals_open_tenant_key ON tenant_proposals (tenant_id) WHERE state = 'open';
CREATE INDEX tenant_proposals_user_id_idx ON tenant_proposals (user_id);
CREATE INDEX tenant_proposals_expires_at_idx ON tenant_proposals (expires_at);
COMMENT ON COLUMN tenant_proposals.reason IS 'What the person wrote.';
COMMENT ON COLUMN tenant_proposals.decided_by IS 'Who decided, as the audit names them.';
COMMENT ON COLUMN tenant_proposals.answer IS 'What the administrator wrote who refused.';

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
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON tenant_proposals TO %s', writer);
    END LOOP;
END
$$;
