-- That a dump of this directory can be restored: `restore.sh --drill` notes it here, as the role that makes databases.

SET LOCAL search_path TO gatepost, pg_temp;

CREATE TABLE backup_drills (
    id smallint CONSTRAINT backup_drills_pkey PRIMARY KEY CONSTRAINT backup_drills_id_check CHECK (id = 1),
    dump text NOT NULL,
    drilled_at bigint NOT NULL
);
COMMENT ON TABLE backup_drills IS 'The last dump that was restored into another database, and examined there: one row at most.';
COMMENT ON COLUMN backup_drills.dump IS 'The name of its file.';

-- Gatepost may run as a role that owns nothing: whoever writes memberships has this table too, as `check` expects.
DO $$
DECLARE
    writer regrole;
BEGIN
    FOR writer IN
        SELECT DISTINCT granted.grantee FROM pg_class c, aclexplode(c.relacl) AS granted
        WHERE c.oid = 'manual_memberships'::regclass AND granted.grantee NOT IN (0, c.relowner)
        AND granted.privilege_type = 'INSERT'
    LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON backup_drills TO %s', writer);
    END LOOP;
END
$$;
