-- The processes that serve this directory. Each notes itself every 2 s, and removes its row when it stops. The leader removes
-- rows of processes that stopped without doing so.

SET LOCAL search_path TO gatepost, pg_temp;

CREATE TABLE serving_replicas (
    id text CONSTRAINT serving_replicas_pkey PRIMARY KEY,
    version text NOT NULL,
    started_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL
);
COMMENT ON COLUMN serving_replicas.id IS 'The name of its host, and a part that is random for each start.';

CREATE VIEW replicas AS
SELECT r.id, r.version, r.started_at, r.seen_at,
    EXISTS (SELECT FROM leases l WHERE l.name = 'leader' AND l.holder = r.id AND l.expires_at > clock_timestamp()) AS is_leader
FROM serving_replicas r;
COMMENT ON VIEW replicas IS 'Which replicas serve, and which one does the work that one alone does.';

-- Gatepost may run as a role that owns nothing: whoever writes memberships notes replicas too.
DO $$
DECLARE
    writer regrole;
BEGIN
    FOR writer IN
        SELECT DISTINCT granted.grantee FROM pg_class c, aclexplode(c.relacl) AS granted
        WHERE c.oid = 'manual_memberships'::regclass AND granted.grantee NOT IN (0, c.relowner)
        AND granted.privilege_type = 'INSERT'
    LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON serving_replicas TO %s', writer);
        EXECUTE format('GRANT SELECT ON replicas TO %s', writer);
    END LOOP;
END
$$;
