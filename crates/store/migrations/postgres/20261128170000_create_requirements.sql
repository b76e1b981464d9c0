-- The requirements of routers, as requests of signed-in people showed them: which host, and the query of the middleware's
-- address. Administrators read from it what somebody may open. Rows that were not seen for 30 days are deleted.

SET LOCAL search_path TO gatepost, pg_temp;

CREATE TABLE requirements (
    host text NOT NULL,
    query text NOT NULL,
    seen_at bigint NOT NULL,
    CONSTRAINT requirements_pkey PRIMARY KEY (host, query)
);
CREATE INDEX requirements_seen_at_idx ON requirements (seen_at);
COMMENT ON COLUMN requirements.query IS 'The query of the middleware''s address.';
COMMENT ON COLUMN requirements.seen_at IS 'Written about once a day and replica.';

-- Gatepost may run as a role that owns nothing: whoever writes refusals writes these too.
DO $$
DECLARE
    writer regrole;
BEGIN
    FOR writer IN
        SELECT DISTINCT granted.grantee FROM pg_class c, aclexplode(c.relacl) AS granted
        WHERE c.oid = 'refusals'::regclass AND granted.grantee NOT IN (0, c.relowner)
        AND granted.privilege_type = 'INSERT'
    LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON requirements TO %s', writer);
    END LOOP;
END
$$;
