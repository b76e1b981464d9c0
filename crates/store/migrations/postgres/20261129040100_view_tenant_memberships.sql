-- The fourth view that other programs read and write: who may enter which tenant, with the highest role that a group or
-- the tenant itself gives. A tenant that is suspended or deleted lets nobody in, and is left out. Rows written here are
-- members of the tenant itself, without an end. What a group gives is taken away at the group.

SET LOCAL search_path TO gatepost, pg_temp;

CREATE VIEW resolved_tenant_roles AS
SELECT user_id, tenant_id, role, 'tenant' AS source FROM current_tenant_members
UNION ALL
SELECT m.user_id, t.tenant_id, t.role, 'group'
FROM resolved_memberships m JOIN group_tenants t ON t.group_id = m.group_id;

CREATE FUNCTION role_rank(role text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE role WHEN 'admin' THEN 3 WHEN 'member' THEN 2 WHEN 'viewer' THEN 1 END
$$;

CREATE FUNCTION write_tenant_member_audit(action text, who text, tenant text, before json, after json) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO gatepost.audit_entries (at, actor, action, target, before, after, address, tenant_id)
    VALUES (gatepost.unix_now(), 'db:' || session_user, action, 'user:' || who, before::text, after::text,
        host(inet_client_addr()), tenant);
END
$$;

-- What a group gives stays, unless a role of at least `kept` may stay.
CREATE FUNCTION delete_tenant_member(address text, tenant text, kept text) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    who text;
    given text;
    old record;
BEGIN
    SELECT id INTO who FROM users WHERE email = address;
    SELECT g.name INTO given FROM group_tenants t JOIN groups g ON g.id = t.group_id
    WHERE t.tenant_id = tenant AND role_rank(t.role) > coalesce(role_rank(kept), 0)
    AND EXISTS (SELECT FROM resolved_memberships m WHERE m.user_id = who AND m.group_id = t.group_id)
    ORDER BY g.name LIMIT 1;
    IF given IS NOT NULL THEN
        RAISE EXCEPTION '% is in tenant % by group %: change user_group_membership or group_tenant_mapping', address, tenant, given
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOR old IN DELETE FROM tenant_members WHERE user_id = who AND tenant_id = tenant RETURNING role LOOP
        PERFORM write_tenant_member_audit('tenant.remove_member', who, tenant, json_build_object('tenant', tenant, 'role', old.role), NULL);
    END LOOP;
END
$$;

CREATE FUNCTION write_user_tenant_memberships() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    who text;
    old_role text;
    kept text;
BEGIN
    PERFORM notify_all_in_this_transaction();
    IF TG_OP = 'DELETE' THEN
        PERFORM delete_tenant_member(OLD.user_email, OLD.tenant_id, NULL);
        RETURN OLD;
    END IF;
    IF NOT coalesce(is_tenant_id(NEW.tenant_id), false) THEN
        RAISE EXCEPTION 'tenant_id % is no tenant id: expected 1 to 64 of A-Z, a-z, 0-9, . - and _', quote_nullable(NEW.tenant_id)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    NEW.role := coalesce(NEW.role, 'member');
    IF role_rank(NEW.role) IS NULL THEN
        RAISE EXCEPTION 'role % is no role: expected admin, member or viewer', quote_nullable(NEW.role)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    who := user_with_email(NEW.user_email);
    NEW.user_email := lower(NEW.user_email COLLATE "C");
    IF TG_OP = 'UPDATE' THEN
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NEW;
        END IF;
        IF (NEW.user_email, NEW.tenant_id) IS NOT DISTINCT FROM (OLD.user_email, OLD.tenant_id) THEN
            kept := NEW.role;
        END IF;
        PERFORM delete_tenant_member(OLD.user_email, OLD.tenant_id, kept);
    END IF;
    IF EXISTS (SELECT FROM tenants WHERE id = NEW.tenant_id AND state = 'deleted') THEN
        RAISE EXCEPTION 'tenant_id % is a deleted tenant: restore it, or use another id', NEW.tenant_id
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    INSERT INTO tenants (id, created_at) VALUES (NEW.tenant_id, unix_now()) ON CONFLICT DO NOTHING;
    IF FOUND THEN
        PERFORM write_audit('tenant.create', 'tenant:' || NEW.tenant_id, NULL, NULL);
    END IF;
    SELECT role INTO old_role FROM current_tenant_members WHERE tenant_id = NEW.tenant_id AND user_id = who;
    INSERT INTO tenant_members AS held (tenant_id, user_id, role, created_at) VALUES (NEW.tenant_id, who, NEW.role, unix_now())
        ON CONFLICT (tenant_id, user_id) DO UPDATE SET role = excluded.role, until = NULL
        WHERE held.role <> excluded.role OR held.until IS NOT NULL;
    IF FOUND THEN
        PERFORM write_tenant_member_audit('tenant.add_member', who, NEW.tenant_id,
            CASE WHEN old_role IS NOT NULL THEN json_build_object('tenant', NEW.tenant_id, 'role', old_role) END,
            json_build_object('tenant', NEW.tenant_id, 'role', NEW.role));
    END IF;
    RETURN NEW;
END
$$;
ALTER FUNCTION write_user_tenant_memberships() SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
    SET jit = off SET plan_cache_mode = force_generic_plan;

REVOKE EXECUTE ON FUNCTION role_rank(text), write_tenant_member_audit(text, text, text, json, json),
    delete_tenant_member(text, text, text), write_user_tenant_memberships() FROM PUBLIC;

-- A row is found by both its columns, whichever of its two indexes is taken.
CREATE INDEX tenant_members_user_id_tenant_id_idx ON tenant_members (user_id, tenant_id);
DROP INDEX tenant_members_user_id_idx;

-- The view lies where other programs look for it: beside the other three, with their rights.
DO $$
DECLARE
    viewed regnamespace;
    granted record;
    reader regrole;
BEGIN
    SELECT c.relnamespace INTO STRICT viewed FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE t.tgfoid = 'gatepost.write_user_admin_status'::regproc;
    EXECUTE format('CREATE VIEW %s.user_tenant_memberships AS
        SELECT u.email AS user_email, r.tenant_id,
            CASE max(CASE r.role WHEN ''admin'' THEN 3 WHEN ''member'' THEN 2 ELSE 1 END)
                WHEN 3 THEN ''admin'' WHEN 2 THEN ''member'' ELSE ''viewer'' END AS role
        FROM users u
        JOIN resolved_tenant_roles r ON r.user_id = u.id
        JOIN tenants t ON t.id = r.tenant_id
        WHERE u.email IS NOT NULL AND t.state = ''active''
        GROUP BY u.email, r.tenant_id', viewed);
    EXECUTE format('CREATE TRIGGER write_user_tenant_memberships INSTEAD OF INSERT OR UPDATE OR DELETE
        ON %s.user_tenant_memberships FOR EACH ROW EXECUTE FUNCTION write_user_tenant_memberships()', viewed);
    FOR granted IN
        SELECT a.grantee::regrole AS role, string_agg(a.privilege_type, ', ') AS rights
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid, aclexplode(c.relacl) a
        WHERE t.tgfoid = 'gatepost.write_user_admin_status'::regproc AND a.grantee NOT IN (0, c.relowner)
        AND a.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
        GROUP BY a.grantee
    LOOP
        EXECUTE format('GRANT %s ON %s.user_tenant_memberships TO %s', granted.rights, viewed, granted.role);
    END LOOP;
    -- Gatepost may run as a role that owns nothing: whoever reads members reads this too.
    FOR reader IN
        SELECT DISTINCT a.grantee FROM pg_class c, aclexplode(c.relacl) AS a
        WHERE c.oid = 'tenant_members'::regclass AND a.grantee NOT IN (0, c.relowner) AND a.privilege_type = 'SELECT'
    LOOP
        EXECUTE format('GRANT SELECT ON resolved_tenant_roles TO %s', reader);
    END LOOP;
END
$$;
