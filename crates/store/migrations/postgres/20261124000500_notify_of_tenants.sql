-- An admin's access names every tenant that there is: one that comes or goes concerns every admin. A truncated table
-- runs no other trigger.

SET LOCAL search_path TO gatepost, pg_temp;

CREATE TRIGGER notify_insert AFTER INSERT ON tenants REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION notify_everybody();
CREATE TRIGGER notify_delete AFTER DELETE ON tenants REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION notify_everybody();

CREATE FUNCTION notify_truncated() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM pg_notify('gatepost', '*');
    RETURN NULL;
END
$$;

DO $$
DECLARE
    named text;
BEGIN
    FOREACH named IN ARRAY ARRAY['users', 'provider_memberships', 'manual_memberships', 'admin_overrides', 'ended_sessions',
        'groups', 'provider_groups', 'group_tenants', 'admin_groups', 'admin_roles', 'tenants'] LOOP
        EXECUTE format('CREATE TRIGGER notify_truncate AFTER TRUNCATE ON %I
            FOR EACH STATEMENT EXECUTE FUNCTION notify_truncated()', named);
    END LOOP;
END
$$;
