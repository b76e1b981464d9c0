-- The directory, with the same meaning as on Postgres; see there for the comments on tables and columns.
-- Every *_at is in whole seconds since 1970-01-01T00:00:00Z (read it with datetime(created_at, 'unixepoch')).

-- A row without an identity is a placeholder that waits for the first signer with its address.
CREATE TABLE users (
    id TEXT NOT NULL CONSTRAINT users_pkey PRIMARY KEY,
    email TEXT CONSTRAINT users_email_key UNIQUE,
    name TEXT,
    disabled_at INTEGER,
    sessions_not_before INTEGER,
    created_at INTEGER NOT NULL,
    last_sign_in_at INTEGER,
    CONSTRAINT users_id_is_a_uuid CHECK (length(id) = 36 AND id NOT GLOB '*[^0-9a-f-]*'),
    CONSTRAINT users_email_is_an_address CHECK (
        length(email) <= 254
        AND email GLOB '?*@?*' AND email NOT GLOB '*@*@*' AND instr(email, '@') <= 65
        AND email NOT GLOB '*[^a-z0-9!#$%&''*+/=?^_`{|}~.@-]*' AND instr(email, char(0)) = 0
        AND email NOT GLOB '.*' AND email NOT GLOB '*..*' AND email NOT GLOB '*.@*' AND email NOT GLOB '*@.*' AND email NOT GLOB '*.'
        AND substr(email, instr(email, '@') + 1) NOT GLOB '*[^a-z0-9.-]*'
        AND email NOT GLOB '*@-*' AND email NOT GLOB '*-'
        AND substr(email, instr(email, '@')) NOT GLOB '*.-*' AND substr(email, instr(email, '@')) NOT GLOB '*-.*'
        -- no label above 63
        AND substr(email, instr(email, '@')) NOT GLOB '*' || replace(hex(zeroblob(64)), '00', '[a-z0-9-]') || '*'
    )
) STRICT;

CREATE TABLE identities (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    provider TEXT NOT NULL,
    user_id TEXT NOT NULL,
    sessions_not_before INTEGER,
    groups_known_at INTEGER,
    created_at INTEGER NOT NULL,
    CONSTRAINT identities_pkey PRIMARY KEY (issuer, subject),
    CONSTRAINT identities_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX identities_user_id_idx ON identities (user_id);

CREATE TABLE groups (
    id INTEGER CONSTRAINT groups_pkey PRIMARY KEY,
    name TEXT NOT NULL CONSTRAINT groups_name_key UNIQUE,
    CONSTRAINT groups_name_is_a_name CHECK (
        length(name) BETWEEN 1 AND 256 AND instr(name, char(0)) = 0
        AND name NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || '-' || char(159) || ']*'
        AND name = trim(name, char(32, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288))
    )
) STRICT;

CREATE TABLE provider_groups (
    id INTEGER CONSTRAINT provider_groups_pkey PRIMARY KEY,
    provider TEXT NOT NULL,
    kind TEXT NOT NULL CONSTRAINT provider_groups_kind_check CHECK (kind IN ('group', 'role')),
    external_id TEXT NOT NULL,
    display_name TEXT,
    group_id INTEGER NOT NULL,
    source TEXT NOT NULL CONSTRAINT provider_groups_source_check CHECK (source IN ('auto', 'trusted', 'config', 'manual')),
    CONSTRAINT provider_groups_provider_kind_external_id_key UNIQUE (provider, kind, external_id),
    CONSTRAINT provider_groups_group_id_fkey FOREIGN KEY (group_id) REFERENCES groups (id)
) STRICT;
CREATE INDEX provider_groups_group_id_idx ON provider_groups (group_id);

CREATE TABLE provider_memberships (
    user_id TEXT NOT NULL,
    provider_group_id INTEGER NOT NULL,
    CONSTRAINT provider_memberships_pkey PRIMARY KEY (user_id, provider_group_id),
    CONSTRAINT provider_memberships_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT provider_memberships_provider_group_id_fkey FOREIGN KEY (provider_group_id) REFERENCES provider_groups (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX provider_memberships_provider_group_id_idx ON provider_memberships (provider_group_id);

CREATE TABLE manual_memberships (
    user_id TEXT NOT NULL,
    group_id INTEGER NOT NULL,
    source TEXT NOT NULL CONSTRAINT manual_memberships_source_check CHECK (source IN ('manual', 'scim')),
    CONSTRAINT manual_memberships_pkey PRIMARY KEY (user_id, group_id, source),
    CONSTRAINT manual_memberships_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT manual_memberships_group_id_fkey FOREIGN KEY (group_id) REFERENCES groups (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX manual_memberships_group_id_idx ON manual_memberships (group_id);

CREATE TABLE tenants (
    id TEXT NOT NULL CONSTRAINT tenants_pkey PRIMARY KEY,
    name TEXT,
    created_at INTEGER NOT NULL,
    CONSTRAINT tenants_id_is_an_id CHECK (length(id) BETWEEN 1 AND 64 AND id NOT GLOB '*[^A-Za-z0-9._-]*')
) STRICT;

CREATE TABLE group_tenants (
    group_id INTEGER NOT NULL,
    tenant_id TEXT NOT NULL,
    role TEXT NOT NULL DEFAULT 'member' CONSTRAINT group_tenants_role_check CHECK (role IN ('admin', 'member', 'viewer')),
    CONSTRAINT group_tenants_pkey PRIMARY KEY (group_id, tenant_id),
    CONSTRAINT group_tenants_group_id_fkey FOREIGN KEY (group_id) REFERENCES groups (id) ON DELETE CASCADE,
    CONSTRAINT group_tenants_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX group_tenants_tenant_id_idx ON group_tenants (tenant_id);

CREATE TABLE admin_overrides (
    user_id TEXT NOT NULL CONSTRAINT admin_overrides_pkey PRIMARY KEY,
    is_admin INTEGER NOT NULL CONSTRAINT admin_overrides_is_admin_check CHECK (is_admin IN (0, 1)),
    CONSTRAINT admin_overrides_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- What the configuration says about admins, written at start, so that SQL can tell who is one.
CREATE TABLE admin_groups (
    name TEXT NOT NULL CONSTRAINT admin_groups_pkey PRIMARY KEY
) STRICT, WITHOUT ROWID;
CREATE TABLE admin_roles (
    provider TEXT NOT NULL,
    role TEXT NOT NULL,
    CONSTRAINT admin_roles_pkey PRIMARY KEY (provider, role)
) STRICT, WITHOUT ROWID;

-- No foreign key: what ended stays ended whatever becomes of the user's row.
CREATE TABLE ended_sessions (
    session_hash BLOB NOT NULL CONSTRAINT ended_sessions_pkey PRIMARY KEY,
    user_id TEXT NOT NULL,
    ended_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX ended_sessions_expires_at_idx ON ended_sessions (expires_at);

CREATE TABLE ended_provider_sessions (
    provider TEXT NOT NULL,
    sid_hash BLOB NOT NULL,
    ended_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    CONSTRAINT ended_provider_sessions_pkey PRIMARY KEY (provider, sid_hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX ended_provider_sessions_expires_at_idx ON ended_provider_sessions (expires_at);

CREATE TABLE audit_entries (
    id INTEGER CONSTRAINT audit_entries_pkey PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    before TEXT,
    after TEXT,
    address TEXT,
    request_id TEXT
) STRICT;
CREATE INDEX audit_entries_target_idx ON audit_entries (target, id);

-- Memberships by what they resolve to. An unlinked group vouches for nothing: anybody may have made it at the provider.
CREATE VIEW resolved_memberships AS
SELECT user_id, group_id, source, true AS is_vouched FROM manual_memberships
UNION ALL
SELECT m.user_id, p.group_id, p.provider, p.source <> 'auto'
FROM provider_memberships m JOIN provider_groups p ON p.id = m.provider_group_id;

CREATE VIEW admin_reasons AS
SELECT m.user_id, 'group ' || g.name AS reason
FROM resolved_memberships m
JOIN groups g ON g.id = m.group_id
JOIN admin_groups a ON a.name = g.name
WHERE m.is_vouched
UNION ALL
SELECT m.user_id, 'role ' || p.provider || ':' || p.external_id
FROM provider_memberships m
JOIN provider_groups p ON p.id = m.provider_group_id AND p.kind = 'role'
JOIN admin_roles r ON r.provider = p.provider AND r.role = p.external_id;

-- The same file keeps sessions: keys are hashes, values are sealed. Written by src/session.
CREATE TABLE session_values (
    key BLOB NOT NULL CONSTRAINT session_values_pkey PRIMARY KEY,
    value BLOB NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX session_values_expires_at_idx ON session_values (expires_at);

CREATE TABLE session_index (
    key BLOB NOT NULL,
    member BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    CONSTRAINT session_index_pkey PRIMARY KEY (key, member)
) STRICT, WITHOUT ROWID;
CREATE INDEX session_index_expires_at_idx ON session_index (expires_at);

CREATE TABLE session_counters (
    key BLOB NOT NULL CONSTRAINT session_counters_pkey PRIMARY KEY,
    count INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX session_counters_expires_at_idx ON session_counters (expires_at);
