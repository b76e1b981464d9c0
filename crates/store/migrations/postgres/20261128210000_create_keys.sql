-- API keys. Of the secret only its SHA-256 hash is stored, with four characters by which people recognise it. The id of a
-- key is never the id of a person.

SET LOCAL search_path TO gatepost, pg_temp;

CREATE TABLE keys (
    id text CONSTRAINT keys_pkey PRIMARY KEY,
    hash bytea NOT NULL CONSTRAINT keys_hash_key UNIQUE,
    hint text NOT NULL,
    name text NOT NULL CONSTRAINT keys_name_check CHECK (char_length(name) BETWEEN 1 AND 64),
    machine_name text NOT NULL CONSTRAINT keys_machine_name_key UNIQUE,
    tenant_id text,
    owner_id text,
    created_by text NOT NULL,
    scopes text NOT NULL,
    hosts text NOT NULL DEFAULT '[]',
    networks text NOT NULL DEFAULT '[]',
    tools text NOT NULL DEFAULT '[]',
    role text NOT NULL DEFAULT 'member' CONSTRAINT keys_role_check CHECK (role = 'member'),
    requests_per_minute bigint CONSTRAINT keys_requests_per_minute_check CHECK (requests_per_minute BETWEEN 1 AND 4294967295),
    expires_at bigint,
    endless_reason text,
    previous_hash bytea CONSTRAINT keys_previous_hash_key UNIQUE,
    previous_until bigint,
    last_used_at bigint,
    last_used_from text,
    revoked_at bigint,
    created_at bigint NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT keys_id_is_a_uuid CHECK (id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'),
    CONSTRAINT keys_endless_check CHECK (expires_at IS NOT NULL OR endless_reason IS NOT NULL),
    CONSTRAINT keys_previous_check CHECK ((previous_hash IS NULL) = (previous_until IS NULL)),
    CONSTRAINT keys_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE,
    CONSTRAINT keys_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX keys_tenant_id_idx ON keys (tenant_id, id) WHERE tenant_id IS NOT NULL;
CREATE INDEX keys_owner_id_idx ON keys (owner_id, id) WHERE owner_id IS NOT NULL;
CREATE INDEX keys_expires_at_idx ON keys (expires_at) WHERE expires_at IS NOT NULL;
COMMENT ON COLUMN keys.machine_name IS 'The local part of the address that applications get. It is never given to another key.';
COMMENT ON COLUMN keys.created_by IS 'Who made the key, as the audit names them. What a key administers is at most what they administer.';
COMMENT ON COLUMN keys.scopes IS 'A JSON array of texts, as are hosts, networks and tools.';
COMMENT ON COLUMN keys.endless_reason IS 'Why the key never expires.';
COMMENT ON COLUMN keys.previous_until IS 'Until this second the secret from before the last rotation counts too.';
COMMENT ON COLUMN keys.last_used_at IS 'To the minute.';

CREATE TABLE key_groups (
    key_id text NOT NULL,
    group_id bigint NOT NULL,
    CONSTRAINT key_groups_pkey PRIMARY KEY (key_id, group_id),
    CONSTRAINT key_groups_key_id_fkey FOREIGN KEY (key_id) REFERENCES keys (id) ON DELETE CASCADE,
    CONSTRAINT key_groups_group_id_fkey FOREIGN KEY (group_id) REFERENCES groups (id) ON DELETE CASCADE
);
CREATE INDEX key_groups_group_id_idx ON key_groups (group_id);

-- Use alone changes nothing about what a key may.
CREATE TRIGGER count_version BEFORE UPDATE ON keys FOR EACH ROW
    WHEN ((OLD.hash, OLD.name, OLD.machine_name, OLD.tenant_id, OLD.owner_id, OLD.created_by, OLD.scopes, OLD.hosts, OLD.networks,
            OLD.tools, OLD.role, OLD.requests_per_minute, OLD.expires_at, OLD.endless_reason, OLD.previous_hash,
            OLD.previous_until, OLD.revoked_at, OLD.version)
        IS DISTINCT FROM (NEW.hash, NEW.name, NEW.machine_name, NEW.tenant_id, NEW.owner_id, NEW.created_by, NEW.scopes, NEW.hosts,
            NEW.networks, NEW.tools, NEW.role, NEW.requests_per_minute, NEW.expires_at, NEW.endless_reason, NEW.previous_hash,
            NEW.previous_until, NEW.revoked_at, NEW.version))
    EXECUTE FUNCTION count_version();

-- "key <id> <id> ..." for up to 64 keys, "*" for any. What a replica holds about a key of a person hangs on that person, so
-- that they are named as well. An older release takes what it does not know for "*".
CREATE FUNCTION notify_keys(ids text[]) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF cardinality(ids) > 64 THEN
        PERFORM pg_notify('gatepost', '*');
    ELSIF cardinality(ids) > 0 THEN
        PERFORM pg_notify('gatepost', 'key ' || array_to_string(ids, ' '));
        PERFORM notify_users(ARRAY(SELECT DISTINCT owner_id FROM keys WHERE id = ANY (ids) AND owner_id IS NOT NULL ORDER BY owner_id));
    END IF;
END
$$;

CREATE FUNCTION notify_updated_keys() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM notify_keys(ARRAY(
        SELECT id FROM was JOIN changed USING (id) WHERE was.version <> changed.version ORDER BY id LIMIT 65));
    PERFORM notify_users(ARRAY(
        SELECT DISTINCT was.owner_id FROM was JOIN changed USING (id)
        WHERE was.owner_id IS DISTINCT FROM changed.owner_id AND was.owner_id IS NOT NULL
        ORDER BY was.owner_id LIMIT 65));
    RETURN NULL;
END
$$;

CREATE FUNCTION notify_deleted_keys() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM notify_keys(ARRAY(SELECT id FROM changed ORDER BY id LIMIT 65));
    PERFORM notify_users(ARRAY(
        SELECT DISTINCT owner_id FROM changed WHERE owner_id IS NOT NULL ORDER BY owner_id LIMIT 65));
    RETURN NULL;
END
$$;

CREATE FUNCTION notify_changed_key_groups() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM notify_keys(ARRAY(SELECT DISTINCT key_id FROM changed ORDER BY key_id LIMIT 65));
    RETURN NULL;
END
$$;

CREATE TRIGGER notify_update AFTER UPDATE ON keys REFERENCING OLD TABLE AS was NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION notify_updated_keys();
CREATE TRIGGER notify_delete AFTER DELETE ON keys REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION notify_deleted_keys();
CREATE TRIGGER notify_truncate AFTER TRUNCATE ON keys
    FOR EACH STATEMENT EXECUTE FUNCTION notify_truncated();
CREATE TRIGGER notify_insert AFTER INSERT ON key_groups REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION notify_changed_key_groups();
CREATE TRIGGER notify_update AFTER UPDATE ON key_groups REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION notify_changed_key_groups();
CREATE TRIGGER notify_delete AFTER DELETE ON key_groups REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION notify_changed_key_groups();
CREATE TRIGGER notify_truncate AFTER TRUNCATE ON key_groups
    FOR EACH STATEMENT EXECUTE FUNCTION notify_truncated();

REVOKE EXECUTE ON FUNCTION notify_keys(text[]), notify_updated_keys(), notify_deleted_keys(), notify_changed_key_groups()
    FROM PUBLIC;

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
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON keys, key_groups TO %s', writer);
        EXECUTE format('GRANT EXECUTE ON FUNCTION notify_keys(text[]) TO %s', writer);
    END LOOP;
END
$$;
