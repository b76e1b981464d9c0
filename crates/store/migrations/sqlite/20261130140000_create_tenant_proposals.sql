-- Tenants that people propose; as on Postgres, see there.

CREATE TABLE tenant_proposals (
    id TEXT NOT NULL CONSTRAINT tenant_proposals_pkey PRIMARY KEY,
    user_id TEXT NOT NULL,
    tenant_id TEXT NOT NULL,
    name TEXT NOT NULL CONSTRAINT tenant_proposals_name_check CHECK (length(name) <= 256),
    reason TEXT CONSTRAINT tenant_proposals_reason_check CHECK (length(reason) <= 280),
    state TEXT NOT NULL DEFAULT 'open' CONSTRAINT tenant_proposals_state_check CHECK (state IN ('open', 'approved', 'refused')),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    decided_at INTEGER,
    decided_by TEXT,
    answer TEXT CONSTRAINT tenant_proposals_answer_check CHECK (length(answer) <= 280),
    CONSTRAINT tenant_proposals_decided_check CHECK ((state = 'open') = (decided_at IS NULL)),
    CONSTRAINT tenant_proposals_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX tenant_proposals_open_user_key ON tenant_proposals (user_id) WHERE state = 'open';
CREATE UNIQUE INDEX tenant_proposals_open_tenant_key ON tenant_proposals (tenant_id) WHERE state = 'open';
CREATE INDEX tenant_proposals_user_id_idx ON tenant_proposals (user_id);
CREATE INDEX tenant_proposals_expires_at_idx ON tenant_proposals (expires_at);
