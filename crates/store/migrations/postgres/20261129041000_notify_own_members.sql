-- Answers of the gate name a tenant by itself once it has a member of its own. So the first and the last one concern
-- everybody who may enter the tenant, also by a group.

SET LOCAL search_path TO gatepost, pg_temp;

CREATE FUNCTION notify_own_members() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (SELECT FROM changed c WHERE NOT EXISTS (SELECT FROM tenant_members m WHERE m.tenant_id = c.tenant_id
        AND (TG_OP = 'DELETE' OR NOT EXISTS
            (SELECT FROM changed own WHERE own.tenant_id = m.tenant_id AND own.user_id = m.user_id))))
    THEN
        PERFORM pg_notify('gatepost', '*');
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER notify_own_insert AFTER INSERT ON tenant_members REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION notify_own_members();
CREATE TRIGGER notify_own_delete AFTER DELETE ON tenant_members REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION notify_own_members();
REVOKE EXECUTE ON FUNCTION notify_own_members() FROM PUBLIC;
