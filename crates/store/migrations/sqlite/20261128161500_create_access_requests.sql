-- Requests of people for access to a group or a tenant; as on Postgres, see there.

CREATE TABLE access_requests (
    id TEXT NOT NULL CONSTRAINT access_requests_pkey PRIMARY KEY,
    user_id TEXT NOT NULL,
    group_id INTEGER,
    tenant_id TEXT,
    note TEXT CONSTRAINT access_requests_note_check CHECK (length(note) <= 280),
    state TEXT NOT NULL DEFAULT 'open' CONSTRAINT access_requests_state_check CHECK (state IN ('open', 'granted', 'declined', 'withdrawn')),
    created_at INTEGER NOT NULL,
    decided_at INTEGER,
    decided_by TEXT,
    answer TEXT CONSTRAINT access_requests_answer_check CHECK (length(answer) <= 280),
    until INTEGER,
    CONSTRAINT access_requests_wanted_check CHECK ((group_id IS NULL) <> (tenant_id IS NULL)),
    CONSTRAINT access_requests_decided_check CHECK ((state = 'open') = (decided_at IS NULL)),
    CONSTRAINT access_requests_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT access_requests_group_id_fkey FOREIGN KEY (group_id) REFERENCES groups (id) ON DELETE CASCADE,
    CONSTRAINT access_requests_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX access_requests_open_group_key ON access_requests (user_id, group_id) WHERE state = 'open' AND group_id IS NOT NULL;
CREATE UNIQUE INDEX access_requests_open_tenant_key ON access_requests (user_id, tenant_id) WHERE state = 'open' AND tenant_id IS NOT NULL;
CREATE INDEX access_requests_open_idx ON access_requests (id) WHERE state = 'open';
CREATE INDEX access_requests_user_id_idx ON access_requests (user_id, created_at);
CREATE INDEX access_requests_created_at_idx ON access_requests (created_at);
CREATE INDEX access_requests_group_id_idx ON access_requests (group_id) WHERE group_id IS NOT NULL;
CREATE INDEX access_requests_tenant_id_idx ON access_requests (tenant_id) WHERE tenant_id IS NOT NULL;
