-- Every change of who may what is told on the channel "gatepost" when its transaction commits:
-- "users <id> <id> ..." for up to 64 people, "*" for anybody. Postgres sends equal payloads of a transaction once, so
-- that the views' row triggers, which ask for "*", make one notification of 100,000 rows.

SET LOCAL search_path TO gatepost, pg_temp;

CREATE FUNCTION notify_users(ids text[]) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF cardinality(ids) > 64 OR current_setting('gatepost.notification', true) = 'all' AND cardinality(ids) > 0 THEN
        PERFORM pg_notify('gatepost', '*');
    ELSIF cardinality(ids) > 0 THEN
        PERFORM pg_notify('gatepost', 'users ' || array_to_string(ids, ' '));
    END IF;
END
$$;

-- For tables with a user_id, on insert and delete.
CREATE FUNCTION notify_changed_users() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM notify_users(ARRAY(SELECT DISTINCT user_id FROM changed ORDER BY user_id LIMIT 65));
    RETURN NULL;
END
$$;

-- The same on update.
CREATE FUNCTION notify_updated_users() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM notify_users(ARRAY(SELECT user_id FROM was UNION SELECT user_id FROM changed ORDER BY user_id LIMIT 65));
    RETURN NULL;
END
$$;

-- A sign-in that only moves last_sign_in_at changes nobody's standing.
CREATE FUNCTION notify_updated_people() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM notify_users(ARRAY(
        SELECT id FROM was JOIN changed USING (id)
        WHERE (was.email, was.name, was.disabled_at, was.sessions_not_before)
            IS DISTINCT FROM (changed.email, changed.name, changed.disabled_at, changed.sessions_not_before)
        ORDER BY id LIMIT 65));
    RETURN NULL;
END
$$;

CREATE FUNCTION notify_deleted_people() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM notify_users(ARRAY(SELECT id FROM changed ORDER BY id LIMIT 65));
    RETURN NULL;
END
$$;

-- For tables where one row concerns any number of people.
CREATE FUNCTION notify_everybody() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (SELECT FROM changed) THEN
        PERFORM pg_notify('gatepost', '*');
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER notify_update AFTER UPDATE ON users REFERENCING OLD TABLE AS was NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION notify_updated_people();
CREATE TRIGGER notify_delete AFTER DELETE ON users REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION notify_deleted_people();

DO $$
DECLARE
    named text;
BEGIN
    FOREACH named IN ARRAY ARRAY['provider_memberships', 'manual_memberships', 'admin_overrides', 'ended_sessions'] LOOP
        EXECUTE format('CREATE TRIGGER notify_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS changed
            FOR EACH STATEMENT EXECUTE FUNCTION notify_changed_users()', named);
        EXECUTE format('CREATE TRIGGER notify_update AFTER UPDATE ON %I REFERENCING OLD TABLE AS was NEW TABLE AS changed
            FOR EACH STATEMENT EXECUTE FUNCTION notify_updated_users()', named);
        -- An ended session's row is deleted when the session could not live any more.
        IF named <> 'ended_sessions' THEN
            EXECUTE format('CREATE TRIGGER notify_delete AFTER DELETE ON %I REFERENCING OLD TABLE AS changed
                FOR EACH STATEMENT EXECUTE FUNCTION notify_changed_users()', named);
        END IF;
    END LOOP;
    -- A new group or tenant has nobody in it yet: only what happens to it later concerns anybody.
    FOREACH named IN ARRAY ARRAY['groups', 'provider_groups', 'group_tenants', 'admin_groups', 'admin_roles'] LOOP
        IF named NOT IN ('groups', 'provider_groups') THEN
            EXECUTE format('CREATE TRIGGER notify_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS changed
                FOR EACH STATEMENT EXECUTE FUNCTION notify_everybody()', named);
        END IF;
        EXECUTE format('CREATE TRIGGER notify_update AFTER UPDATE ON %I REFERENCING NEW TABLE AS changed
            FOR EACH STATEMENT EXECUTE FUNCTION notify_everybody()', named);
        EXECUTE format('CREATE TRIGGER notify_delete AFTER DELETE ON %I REFERENCING OLD TABLE AS changed
            FOR EACH STATEMENT EXECUTE FUNCTION notify_everybody()', named);
    END LOOP;
END
$$;
