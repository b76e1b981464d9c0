-- Tenants that were erased. A restore of an older dump erases them again; the time of the creation tells a newer tenant of the
-- same id from the one that was erased.

SET LOCAL search_path TO gatepost, pg_temp;

CREATE TABLE tenant_erasures (
    tenant_id text NOT NULL,
    created_at bigint NOT NULL,
    at bigint NOT NULL,
    CONSTRAINT tenant_erasures_pkey PRIMARY KEY (tenant_id, created_at)
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
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON tenant_erasures TO %s', writer);
    END LOOP;
END
$$;
