-- Whether this store is half of a copy. `gatepost serve` starts neither on a target that is not complete nor on a source
-- whose rows were taken elsewhere.

SET LOCAL search_path TO gatepost, pg_temp;

CREATE TABLE copy_state (
    id bigint CONSTRAINT copy_state_pkey PRIMARY KEY CONSTRAINT copy_state_id_check CHECK (id = 1),
    state text NOT NULL CONSTRAINT copy_state_state_check CHECK (state IN ('copying', 'copied', 'moved')),
    peer text NOT NULL,
    digest bytea,
    last_audit_id bigint,
    at bigint NOT NULL
);
COMMENT ON TABLE copy_state IS 'At most one row, written by "gatepost copy".';
COMMENT ON COLUMN copy_state.state IS 'copying: a target that is not complete; copied: a target that is; moved: a source that must not be served.';
COMMENT ON COLUMN copy_state.peer IS 'The other store, without user and password.';
COMMENT ON COLUMN copy_state.digest IS 'The digest of what the source held.';

-- Gatepost may run as a role that owns nothing: whoever writes memberships reads this too.
DO $$
DECLARE
    writer regrole;
BEGIN
    FOR writer IN
        SELECT DISTINCT granted.grantee FROM pg_class c, aclexplode(c.relacl) AS granted
        WHERE c.oid = 'manual_memberships'::regclass AND granted.grantee NOT IN (0, c.relowner)
        AND granted.privilege_type = 'INSERT'
    LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON copy_state TO %s', writer);
    END LOOP;
END
$$;
