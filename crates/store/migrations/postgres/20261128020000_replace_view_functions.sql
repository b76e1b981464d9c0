-- Many rows in one statement through the views (DESIGN.md section 7): the same functions, the same results, in a time
-- that grows with the rows alone. Two things made it grow faster. Postgres plans a function's statements, and those that
-- check foreign keys, once for a session: planned while a table was empty, they read the whole table for each row that
-- comes later. And a function in SQL is parsed and planned anew at each call, of which a row makes a dozen.
--
-- Each trigger function therefore sets what its statements, and the foreign keys that they check, are planned with: by
-- indexes, once. Every look-up here has one. The settings hold while the function runs.

SET LOCAL search_path TO gatepost, pg_temp;

CREATE OR REPLACE FUNCTION is_email_address(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    RETURN length($1) <= 254 AND position('@' IN $1) <= 65
    AND $1 ~ '^[a-z0-9!#$%&''*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&''*+/=?^_`{|}~-]+)*@[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$';
END
$$;
CREATE OR REPLACE FUNCTION is_group_name(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    RETURN length($1) BETWEEN 1 AND 256 AND $1 !~ '[\u0001-\u001f\u007f-\u009f]'
    AND $1 = btrim($1, E' \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000');
END
$$;
CREATE OR REPLACE FUNCTION is_tenant_id(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    RETURN $1 ~ '^[A-Za-z0-9._-]{1,64}$';
END
$$;

-- Without settings of its own, Postgres writes this one into the statement that calls it.
CREATE OR REPLACE FUNCTION unix_now() RETURNS bigint LANGUAGE sql AS $$
    SELECT floor(extract(epoch FROM clock_timestamp()))::bigint
$$;

CREATE OR REPLACE FUNCTION write_audit(action text, target text, before json, after json) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO gatepost.audit_entries (at, actor, action, target, before, after, address)
    VALUES (gatepost.unix_now(), 'db:' || session_user, action, target, before::text, after::text, host(inet_client_addr()));
END
$$;

CREATE OR REPLACE FUNCTION notify_all_in_this_transaction() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('gatepost.notification', 'all', true);
END
$$;

CREATE OR REPLACE FUNCTION delete_membership(address text, named text) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    who text;
    what bigint;
    old record;
BEGIN
    SELECT id INTO who FROM users WHERE email = address;
    SELECT id INTO what FROM groups WHERE name = named;
    FOR old IN DELETE FROM manual_memberships WHERE user_id = who AND group_id = what RETURNING source LOOP
        PERFORM write_audit('membership.delete', 'user:' || who, json_build_object('group', named, 'source', old.source), NULL);
    END LOOP;
    FOR old IN DELETE FROM provider_memberships m USING provider_groups p
        WHERE m.user_id = who AND p.id = m.provider_group_id AND p.group_id = what RETURNING p.provider
    LOOP
        PERFORM write_audit('membership.delete', 'user:' || who, json_build_object('group', named, 'source', old.provider), NULL);
    END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION delete_tenant_mapping(named text, tenant text) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    what bigint;
    old record;
BEGIN
    SELECT id INTO what FROM groups WHERE name = named;
    FOR old IN DELETE FROM group_tenants WHERE group_id = what AND tenant_id = tenant RETURNING role LOOP
        PERFORM write_audit('tenant.unmap', 'group:' || named, json_build_object('tenant', tenant, 'role', old.role), NULL);
    END LOOP;
END
$$;

DO $$
DECLARE
    writer text;
BEGIN
    FOREACH writer IN ARRAY ARRAY['write_user_group_membership', 'write_group_tenant_mapping', 'write_user_admin_status'] LOOP
        EXECUTE format('ALTER FUNCTION %I() SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
            SET jit = off SET plan_cache_mode = force_generic_plan', writer);
    END LOOP;
END
$$;

-- A row is found by both its columns, whichever of its two indexes is taken. The old ones go last: from then on nobody
-- reads the tables until this is committed.
CREATE INDEX manual_memberships_group_id_user_id_idx ON manual_memberships (group_id, user_id);
CREATE INDEX provider_memberships_provider_group_id_user_id_idx ON provider_memberships (provider_group_id, user_id);
CREATE INDEX group_tenants_tenant_id_group_id_idx ON group_tenants (tenant_id, group_id);
DROP INDEX manual_memberships_group_id_idx, provider_memberships_provider_group_id_idx, group_tenants_tenant_id_idx;
