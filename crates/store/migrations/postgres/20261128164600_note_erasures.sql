-- People who were erased. Nothing but the id stays, so that it is known that it is nobody's any more.

SET LOCAL search_path TO gatepost, pg_temp;

CREATE TABLE erasures (
    user_id text CONSTRAINT erasures_pkey PRIMARY KEY,
    at bigint NOT NULL
);

-- Gatepost may run as a role that owns nothing: whoever writes memberships writes these too.
DO $$
DECLARE
    writer regrole;
BEGIN
    FOR writer IN
        SELECT DISTINCT granted.grantee FROM pg_class c, aclexplode(c.relacl) AS granted
        WHERE c.oid = 'manual_memberships'::regclass AND granted.grantee NOT IN (0, c.relowner)
        AND granted.privilege_type = 'INSERT'
    LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON erasures, idempotent_requests TO %s', writer);
    END LOOP;
END
$$;
