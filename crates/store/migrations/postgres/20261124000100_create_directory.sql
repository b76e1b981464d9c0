-- The directory. Everything lies in the schema "gatepost", so that it never meets another application's "users".
-- Every *_at is in whole seconds since 1970-01-01T00:00:00Z (read it with to_timestamp(created_at)); ids of users are
-- UUIDs as text; hashes are SHA-256. Who is who is decided by (issuer, subject), never by the address.

SET LOCAL search_path TO gatepost, pg_temp;

-- The same rules as the types of the program, for those who write through the views.
CREATE FUNCTION is_email_address(text) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT length($1) <= 254 AND position('@' IN $1) <= 65
    AND $1 ~ '^[a-z0-9!#$%&''*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&''*+/=?^_`{|}~-]+)*@[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$'
$$;
CREATE FUNCTION is_group_name(text) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT length($1) BETWEEN 1 AND 256 AND $1 !~ '[\u0001-\u001f\u007f-\u009f]'
    AND $1 = btrim($1, E' \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000')
$$;
CREATE FUNCTION is_tenant_id(text) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT $1 ~ '^[A-Za-z0-9._-]{1,64}$'
$$;

CREATE TABLE users (
    id text CONSTRAINT users_pkey PRIMARY KEY,
    email text CONSTRAINT users_email_key UNIQUE,
    name text,
    disabled_at bigint,
    sessions_not_before bigint,
    created_at bigint NOT NULL,
    last_sign_in_at bigint,
    CONSTRAINT users_id_is_a_uuid CHECK (id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'),
    CONSTRAINT users_email_is_an_address CHECK (is_email_address(email))
);
COMMENT ON TABLE users IS 'People. A row without an identity is a placeholder that waits for the first signer with its address.';
COMMENT ON COLUMN users.sessions_not_before IS 'Sessions begun before this second are over.';

CREATE TABLE identities (
    issuer text NOT NULL,
    subject text NOT NULL,
    provider text NOT NULL,
    user_id text NOT NULL,
    sessions_not_before bigint,
    groups_known_at bigint,
    created_at bigint NOT NULL,
    CONSTRAINT identities_pkey PRIMARY KEY (issuer, subject),
    CONSTRAINT identities_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX identities_user_id_idx ON identities (user_id);
COMMENT ON COLUMN identities.sessions_not_before IS 'Back-channel logout, by the provider''s clock: ID tokens issued before it sign nobody in.';

CREATE TABLE groups (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT groups_pkey PRIMARY KEY,
    name text NOT NULL CONSTRAINT groups_name_key UNIQUE,
    CONSTRAINT groups_name_is_a_name CHECK (is_group_name(name))
);

CREATE TABLE provider_groups (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT provider_groups_pkey PRIMARY KEY,
    provider text NOT NULL,
    kind text NOT NULL CONSTRAINT provider_groups_kind_check CHECK (kind IN ('group', 'role')),
    external_id text NOT NULL,
    display_name text,
    group_id bigint NOT NULL,
    source text NOT NULL CONSTRAINT provider_groups_source_check CHECK (source IN ('auto', 'trusted', 'config', 'manual')),
    CONSTRAINT provider_groups_provider_kind_external_id_key UNIQUE (provider, kind, external_id),
    CONSTRAINT provider_groups_group_id_fkey FOREIGN KEY (group_id) REFERENCES groups (id)
);
CREATE INDEX provider_groups_group_id_idx ON provider_groups (group_id);
COMMENT ON COLUMN provider_groups.source IS 'How it got its group: auto bears its own id and vouches for nothing, trusted bears the provider''s name, config and manual are links.';

CREATE TABLE provider_memberships (
    user_id text NOT NULL,
    provider_group_id bigint NOT NULL,
    CONSTRAINT provider_memberships_pkey PRIMARY KEY (user_id, provider_group_id),
    CONSTRAINT provider_memberships_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT provider_memberships_provider_group_id_fkey FOREIGN KEY (provider_group_id) REFERENCES provider_groups (id) ON DELETE CASCADE
);
CREATE INDEX provider_memberships_provider_group_id_idx ON provider_memberships (provider_group_id);

CREATE TABLE manual_memberships (
    user_id text NOT NULL,
    group_id bigint NOT NULL,
    source text NOT NULL CONSTRAINT manual_memberships_source_check CHECK (source IN ('manual', 'scim')),
    CONSTRAINT manual_memberships_pkey PRIMARY KEY (user_id, group_id, source),
    CONSTRAINT manual_memberships_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT manual_memberships_group_id_fkey FOREIGN KEY (group_id) REFERENCES groups (id) ON DELETE CASCADE
);
CREATE INDEX manual_memberships_group_id_idx ON manual_memberships (group_id);

CREATE TABLE tenants (
    id text CONSTRAINT tenants_pkey PRIMARY KEY,
    name text,
    created_at bigint NOT NULL,
    CONSTRAINT tenants_id_is_an_id CHECK (is_tenant_id(id))
);

CREATE TABLE group_tenants (
    group_id bigint NOT NULL,
    tenant_id text NOT NULL,
    role text NOT NULL DEFAULT 'member' CONSTRAINT group_tenants_role_check CHECK (role IN ('admin', 'member', 'viewer')),
    CONSTRAINT group_tenants_pkey PRIMARY KEY (group_id, tenant_id),
    CONSTRAINT group_tenants_group_id_fkey FOREIGN KEY (group_id) REFERENCES groups (id) ON DELETE CASCADE,
    CONSTRAINT group_tenants_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
);
CREATE INDEX group_tenants_tenant_id_idx ON group_tenants (tenant_id);

CREATE TABLE admin_overrides (
    user_id text CONSTRAINT admin_overrides_pkey PRIMARY KEY,
    is_admin boolean NOT NULL,
    CONSTRAINT admin_overrides_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
COMMENT ON TABLE admin_overrides IS 'True makes an admin, false vetoes whatever groups and roles say.';

-- What the configuration says about admins, written at start, so that SQL can tell who is one.
CREATE TABLE admin_groups (
    name text CONSTRAINT admin_groups_pkey PRIMARY KEY
);
CREATE TABLE admin_roles (
    provider text NOT NULL,
    role text NOT NULL,
    CONSTRAINT admin_roles_pkey PRIMARY KEY (provider, role)
);

-- No foreign key: what ended stays ended whatever becomes of the user's row.
CREATE TABLE ended_sessions (
    session_hash bytea CONSTRAINT ended_sessions_pkey PRIMARY KEY,
    user_id text NOT NULL,
    ended_at bigint NOT NULL,
    expires_at bigint NOT NULL
);
CREATE INDEX ended_sessions_expires_at_idx ON ended_sessions (expires_at);

CREATE TABLE ended_provider_sessions (
    provider text NOT NULL,
    sid_hash bytea NOT NULL,
    ended_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    CONSTRAINT ended_provider_sessions_pkey PRIMARY KEY (provider, sid_hash)
);
CREATE INDEX ended_provider_sessions_expires_at_idx ON ended_provider_sessions (expires_at);

CREATE TABLE audit_entries (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT audit_entries_pkey PRIMARY KEY,
    at bigint NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    target text NOT NULL,
    before text,
    after text,
    address text,
    request_id text
);
CREATE INDEX audit_entries_target_idx ON audit_entries (target, id);
COMMENT ON TABLE audit_entries IS 'Who changed what: before and after are JSON objects, actor is "db:<role>" for changes through the views.';

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
