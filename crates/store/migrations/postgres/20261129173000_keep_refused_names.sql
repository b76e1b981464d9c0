-- What an administrator refused stays refused, also where the tenant takes the name away and proposes it again, and for every
-- other tenant. Only an administrator approves it after all.

SET LOCAL search_path TO gatepost, pg_temp;

CREATE TABLE refused_names (
    kind text NOT NULL CONSTRAINT refused_names_kind_check CHECK (kind IN ('domain', 'host')),
    name text NOT NULL,
    refused_at bigint NOT NULL,
    CONSTRAINT refused_names_pkey PRIMARY KEY (kind, name)
);
COMMENT ON TABLE refused_names IS 'Hosts, and domains of addresses, that no tenant gets by a record in the DNS.';

INSERT INTO refused_names (kind, name, refused_at)
SELECT DISTINCT 'host', host, extract(epoch FROM clock_timestamp())::bigint FROM tenant_hosts WHERE state = 'refused'
UNION ALL
SELECT DISTINCT 'domain', domain, extract(epoch FROM clock_timestamp())::bigint FROM tenant_domains WHERE state = 'refused';

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
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON refused_names TO %s', writer);
    END LOOP;
END
$$;
