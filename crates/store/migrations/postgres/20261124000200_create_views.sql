-- The three views that other programs read and write (DESIGN.md section 7). Rows written here count as manual.
-- The trigger functions run as their owner, with a search_path that a writer cannot bend; what they call does not,
-- so that calling it directly gives nobody anything.

SELECT set_config('gatepost.views_schema', current_schema(), true);
SET LOCAL search_path TO gatepost, pg_temp;

CREATE VIEW user_group_membership AS
SELECT DISTINCT u.email AS user_email, g.name AS group_name
FROM resolved_memberships m
JOIN users u ON u.id = m.user_id
JOIN groups g ON g.id = m.group_id
WHERE u.email IS NOT NULL;

CREATE VIEW group_tenant_mapping AS
SELECT g.name AS group_name, t.tenant_id
FROM group_tenants t
JOIN groups g ON g.id = t.group_id;

-- Whoever is an admin, or was explicitly made or denied one; while disabled, nobody is.
CREATE VIEW user_admin_status AS
SELECT u.email AS user_email, coalesce(o.is_admin, true) AND u.disabled_at IS NULL AS is_admin
FROM users u
LEFT JOIN admin_overrides o ON o.user_id = u.id
WHERE u.email IS NOT NULL
AND (o.user_id IS NOT NULL OR EXISTS (SELECT FROM admin_reasons r WHERE r.user_id = u.id));

CREATE FUNCTION unix_now() RETURNS bigint LANGUAGE sql SET search_path FROM CURRENT AS $$
    SELECT floor(extract(epoch FROM clock_timestamp()))::bigint
$$;

CREATE FUNCTION write_audit(action text, target text, before json, after json) RETURNS void
LANGUAGE sql SET search_path FROM CURRENT AS $$
    INSERT INTO audit_entries (at, actor, action, target, before, after, address)
    VALUES (unix_now(), 'db:' || session_user, action, target, before::text, after::text, host(inet_client_addr()))
$$;

CREATE FUNCTION user_with_email(address text) RETURNS text LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    wanted text := lower(address COLLATE "C");
    user_id text;
BEGIN
    IF NOT coalesce(is_email_address(wanted), false) THEN
        RAISE EXCEPTION 'user_email % is no e-mail address: expected ASCII as in name@example.com', quote_nullable(address)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT id INTO user_id FROM users WHERE email = wanted;
    IF user_id IS NOT NULL THEN
        RETURN user_id;
    END IF;
    INSERT INTO users (id, email, created_at) VALUES (gen_random_uuid()::text, wanted, unix_now())
        ON CONFLICT (email) DO NOTHING RETURNING id INTO user_id;
    IF user_id IS NULL THEN
        SELECT id INTO STRICT user_id FROM users WHERE email = wanted;
    ELSE
        PERFORM write_audit('user.create', 'user:' || user_id, NULL, json_build_object('email', wanted));
    END IF;
    RETURN user_id;
END
$$;

CREATE FUNCTION group_with_name(wanted text) RETURNS bigint LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    group_id bigint;
BEGIN
    IF NOT coalesce(is_group_name(wanted), false) THEN
        RAISE EXCEPTION 'group_name % is no group name: expected 1 to 256 characters, no control characters, no space at the ends',
            quote_nullable(wanted) USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT id INTO group_id FROM groups WHERE name = wanted;
    IF group_id IS NOT NULL THEN
        RETURN group_id;
    END IF;
    INSERT INTO groups (name) VALUES (wanted) ON CONFLICT (name) DO NOTHING RETURNING id INTO group_id;
    IF group_id IS NULL THEN
        SELECT id INTO STRICT group_id FROM groups WHERE name = wanted;
    ELSE
        PERFORM write_audit('group.create', 'group:' || wanted, NULL, NULL);
    END IF;
    RETURN group_id;
END
$$;

-- One notification for however many rows: see notify_changed_users().
CREATE FUNCTION notify_all_in_this_transaction() RETURNS void LANGUAGE sql AS $$
    SELECT set_config('gatepost.notification', 'all', true)
$$;

CREATE FUNCTION delete_membership(address text, named text) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    who text;
    old record;
BEGIN
    SELECT id INTO who FROM users WHERE email = address;
    FOR old IN DELETE FROM manual_memberships m USING groups g
        WHERE m.user_id = who AND g.id = m.group_id AND g.name = named RETURNING m.source
    LOOP
        PERFORM write_audit('membership.delete', 'user:' || who, json_build_object('group', named, 'source', old.source), NULL);
    END LOOP;
    FOR old IN DELETE FROM provider_memberships m USING provider_groups p, groups g
        WHERE m.user_id = who AND p.id = m.provider_group_id AND g.id = p.group_id AND g.name = named RETURNING p.provider
    LOOP
        PERFORM write_audit('membership.delete', 'user:' || who, json_build_object('group', named, 'source', old.provider), NULL);
    END LOOP;
END
$$;

CREATE FUNCTION write_user_group_membership() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    who text;
    what bigint;
BEGIN
    PERFORM notify_all_in_this_transaction();
    IF TG_OP = 'DELETE' THEN
        PERFORM delete_membership(OLD.user_email, OLD.group_name);
        RETURN OLD;
    END IF;
    who := user_with_email(NEW.user_email);
    what := group_with_name(NEW.group_name);
    NEW.user_email := lower(NEW.user_email COLLATE "C");
    IF TG_OP = 'UPDATE' THEN
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NEW;
        END IF;
        PERFORM delete_membership(OLD.user_email, OLD.group_name);
    END IF;
    INSERT INTO manual_memberships (user_id, group_id, source) VALUES (who, what, 'manual') ON CONFLICT DO NOTHING;
    IF FOUND THEN
        PERFORM write_audit('membership.create', 'user:' || who, NULL, json_build_object('group', NEW.group_name, 'source', 'manual'));
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER write_user_group_membership INSTEAD OF INSERT OR UPDATE OR DELETE ON user_group_membership
    FOR EACH ROW EXECUTE FUNCTION write_user_group_membership();

CREATE FUNCTION delete_tenant_mapping(named text, tenant text) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    old record;
BEGIN
    FOR old IN DELETE FROM group_tenants t USING groups g
        WHERE g.id = t.group_id AND g.name = named AND t.tenant_id = tenant RETURNING t.role
    LOOP
        PERFORM write_audit('tenant.unmap', 'group:' || named, json_build_object('tenant', tenant, 'role', old.role), NULL);
    END LOOP;
END
$$;

CREATE FUNCTION write_group_tenant_mapping() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    what bigint;
BEGIN
    PERFORM notify_all_in_this_transaction();
    IF TG_OP = 'DELETE' THEN
        PERFORM delete_tenant_mapping(OLD.group_name, OLD.tenant_id);
        RETURN OLD;
    END IF;
    IF NOT coalesce(is_tenant_id(NEW.tenant_id), false) THEN
        RAISE EXCEPTION 'tenant_id % is no tenant id: expected 1 to 64 of A-Z, a-z, 0-9, . - and _', quote_nullable(NEW.tenant_id)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    what := group_with_name(NEW.group_name);
    IF TG_OP = 'UPDATE' THEN
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NEW;
        END IF;
        PERFORM delete_tenant_mapping(OLD.group_name, OLD.tenant_id);
    END IF;
    INSERT INTO tenants (id, created_at) VALUES (NEW.tenant_id, unix_now()) ON CONFLICT DO NOTHING;
    IF FOUND THEN
        PERFORM write_audit('tenant.create', 'tenant:' || NEW.tenant_id, NULL, NULL);
    END IF;
    INSERT INTO group_tenants (group_id, tenant_id) VALUES (what, NEW.tenant_id) ON CONFLICT DO NOTHING;
    IF FOUND THEN
        PERFORM write_audit('tenant.map', 'group:' || NEW.group_name, NULL, json_build_object('tenant', NEW.tenant_id, 'role', 'member'));
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER write_group_tenant_mapping INSTEAD OF INSERT OR UPDATE OR DELETE ON group_tenant_mapping
    FOR EACH ROW EXECUTE FUNCTION write_group_tenant_mapping();

-- `wanted` NULL takes the override away: groups and roles decide again.
CREATE FUNCTION override_admin(who text, wanted boolean) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    old boolean;
BEGIN
    SELECT is_admin INTO old FROM admin_overrides WHERE user_id = who FOR UPDATE;
    IF old IS NOT DISTINCT FROM wanted THEN
        RETURN;
    ELSIF wanted IS NULL THEN
        DELETE FROM admin_overrides WHERE user_id = who;
    ELSE
        INSERT INTO admin_overrides (user_id, is_admin) VALUES (who, wanted)
            ON CONFLICT (user_id) DO UPDATE SET is_admin = excluded.is_admin;
    END IF;
    PERFORM write_audit(CASE wanted WHEN true THEN 'admin.grant' WHEN false THEN 'admin.revoke' ELSE 'admin.reset' END,
        'user:' || who, json_build_object('is_admin', old), json_build_object('is_admin', wanted));
END
$$;

CREATE FUNCTION write_user_admin_status() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    who text;
BEGIN
    PERFORM notify_all_in_this_transaction();
    IF TG_OP <> 'INSERT' THEN
        IF TG_OP = 'DELETE' OR lower(NEW.user_email COLLATE "C") IS DISTINCT FROM OLD.user_email THEN
            PERFORM override_admin((SELECT id FROM users WHERE email = OLD.user_email), NULL);
        END IF;
        IF TG_OP = 'DELETE' THEN
            RETURN OLD;
        END IF;
    END IF;
    IF NEW.is_admin IS NULL THEN
        RAISE EXCEPTION 'is_admin is empty: expected true or false' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    who := user_with_email(NEW.user_email);
    NEW.user_email := lower(NEW.user_email COLLATE "C");
    PERFORM override_admin(who, NEW.is_admin);
    RETURN NEW;
END
$$;
CREATE TRIGGER write_user_admin_status INSTEAD OF INSERT OR UPDATE OR DELETE ON user_admin_status
    FOR EACH ROW EXECUTE FUNCTION write_user_admin_status();

-- To where other programs look for them: the schema that was current before ours.
DO $$
DECLARE
    named text;
BEGIN
    IF current_setting('gatepost.views_schema') NOT IN ('', 'gatepost') THEN
        FOREACH named IN ARRAY ARRAY['user_group_membership', 'group_tenant_mapping', 'user_admin_status'] LOOP
            EXECUTE format('ALTER VIEW %I SET SCHEMA %I', named, current_setting('gatepost.views_schema'));
        END LOOP;
    END IF;
END
$$;
