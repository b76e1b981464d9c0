-- Whoever changes a thing says which version of it they saw: the version counts each change of the row, whoever makes it,
-- also an older release and the views. What belongs to a person or a group without being a column of theirs (members,
-- links, roles) has rows of its own, with versions of their own.

SET LOCAL search_path TO gatepost, pg_temp;

CREATE FUNCTION count_version() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    NEW.version := OLD.version + 1;
    RETURN NEW;
END
$$;

ALTER TABLE users ADD COLUMN version bigint NOT NULL DEFAULT 1;
ALTER TABLE groups ADD COLUMN version bigint NOT NULL DEFAULT 1;
ALTER TABLE tenants ADD COLUMN version bigint NOT NULL DEFAULT 1;
ALTER TABLE group_tenants ADD COLUMN version bigint NOT NULL DEFAULT 1;
ALTER TABLE manual_memberships ADD COLUMN version bigint NOT NULL DEFAULT 1;
ALTER TABLE admin_overrides ADD COLUMN version bigint NOT NULL DEFAULT 1;

-- A sign-in that only moves last_sign_in_at overtakes no administrator.
CREATE TRIGGER count_version BEFORE UPDATE ON users FOR EACH ROW
    WHEN ((OLD.email, OLD.name, OLD.disabled_at, OLD.sessions_not_before)
        IS DISTINCT FROM (NEW.email, NEW.name, NEW.disabled_at, NEW.sessions_not_before))
    EXECUTE FUNCTION count_version();

DO $$
DECLARE
    named text;
BEGIN
    FOREACH named IN ARRAY ARRAY['groups', 'tenants', 'group_tenants', 'manual_memberships', 'admin_overrides'] LOOP
        EXECUTE format('CREATE TRIGGER count_version BEFORE UPDATE ON %I FOR EACH ROW
            WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION count_version()', named);
    END LOOP;
END
$$;

REVOKE EXECUTE ON FUNCTION count_version() FROM PUBLIC;
