-- A membership and a decision about an admin may have an end (until, whole seconds). From that second on they are as if
-- they were deleted, without anybody doing anything: every view leaves them out by the database's clock. The rows are
-- deleted later, with their audit rows.

SET LOCAL search_path TO gatepost, pg_temp;

ALTER TABLE manual_memberships ADD COLUMN until bigint;
ALTER TABLE admin_overrides ADD COLUMN until bigint;
CREATE INDEX manual_memberships_until_idx ON manual_memberships (until) WHERE until IS NOT NULL;
CREATE INDEX admin_overrides_until_idx ON admin_overrides (until) WHERE until IS NOT NULL;
COMMENT ON COLUMN manual_memberships.until IS 'From this second on the row counts no more.';
COMMENT ON COLUMN admin_overrides.until IS 'From this second on the row counts no more.';

-- The time is that of the statement: a plan may use it as a constant, which clock_timestamp() forbids. The condition
-- stands outside of the union, because Postgres reads a part of a union that has one whole for each row that it joins.
CREATE OR REPLACE VIEW resolved_memberships AS
SELECT user_id, group_id, source, is_vouched, until FROM (
    SELECT user_id, group_id, source, true AS is_vouched, until FROM manual_memberships
    UNION ALL
    SELECT m.user_id, p.group_id, p.provider, p.source <> 'auto', NULL::bigint
    FROM provider_memberships m JOIN provider_groups p ON p.id = m.provider_group_id
) AS held
WHERE until IS NULL OR until > floor(extract(epoch FROM statement_timestamp()))::bigint;

CREATE VIEW current_admin_overrides AS
SELECT user_id, is_admin, until, version FROM admin_overrides
WHERE until IS NULL OR until > floor(extract(epoch FROM statement_timestamp()))::bigint;

-- What is written through the views has no end, also where a row with an end is there.
CREATE OR REPLACE FUNCTION write_user_group_membership() RETURNS trigger
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
    INSERT INTO manual_memberships AS held (user_id, group_id, source) VALUES (who, what, 'manual')
        ON CONFLICT (user_id, group_id, source) DO UPDATE SET until = NULL WHERE held.until IS NOT NULL;
    IF FOUND THEN
        PERFORM write_audit('membership.create', 'user:' || who, NULL, json_build_object('group', NEW.group_name, 'source', 'manual'));
    END IF;
    RETURN NEW;
END
$$;
ALTER FUNCTION write_user_group_membership() SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
    SET jit = off SET plan_cache_mode = force_generic_plan;

CREATE OR REPLACE FUNCTION override_admin(who text, wanted boolean) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    old record;
    was boolean;
BEGIN
    SELECT is_admin, until INTO old FROM admin_overrides WHERE user_id = who FOR UPDATE;
    IF old.until IS NULL AND old.is_admin IS NOT DISTINCT FROM wanted THEN
        RETURN;
    ELSIF wanted IS NULL THEN
        DELETE FROM admin_overrides WHERE user_id = who;
    ELSE
        INSERT INTO admin_overrides (user_id, is_admin) VALUES (who, wanted)
            ON CONFLICT (user_id) DO UPDATE SET is_admin = excluded.is_admin, until = NULL;
    END IF;
    IF old.until IS NULL OR old.until > unix_now() THEN
        was := old.is_admin;
    END IF;
    PERFORM write_audit(CASE wanted WHEN true THEN 'admin.grant' WHEN false THEN 'admin.revoke' ELSE 'admin.reset' END,
        'user:' || who, json_build_object('is_admin', was), json_build_object('is_admin', wanted));
END
$$;

-- The view lies where other programs look for it.
DO $$
DECLARE
    viewed regnamespace;
BEGIN
    SELECT c.relnamespace INTO STRICT viewed FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE t.tgfoid = 'gatepost.write_user_admin_status'::regproc;
    EXECUTE format('CREATE OR REPLACE VIEW %s.user_admin_status AS
        SELECT u.email AS user_email, coalesce(o.is_admin, true) AND u.disabled_at IS NULL AS is_admin
        FROM users u
        LEFT JOIN current_admin_overrides o ON o.user_id = u.id
        WHERE u.email IS NOT NULL
        AND (o.user_id IS NOT NULL OR EXISTS (SELECT FROM admin_reasons r WHERE r.user_id = u.id))', viewed);
END
$$;

-- Gatepost may run as a role that owns nothing: whoever reads decisions about admins reads this too.
DO $$
DECLARE
    reader regrole;
BEGIN
    FOR reader IN
        SELECT DISTINCT granted.grantee FROM pg_class c, aclexplode(c.relacl) AS granted
        WHERE c.oid = 'admin_overrides'::regclass AND granted.grantee NOT IN (0, c.relowner) AND granted.privilege_type = 'SELECT'
    LOOP
        EXECUTE format('GRANT SELECT ON current_admin_overrides TO %s', reader);
    END LOOP;
END
$$;
