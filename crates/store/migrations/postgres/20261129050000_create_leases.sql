-- Which replica does the work that one alone does: it holds the lease "leader". Times are those of the database's clock, to
-- less than a second.

SET LOCAL search_path TO gatepost, pg_temp;

CREATE TABLE leases (
    name text CONSTRAINT leases_pkey PRIMARY KEY,
    holder text NOT NULL,
    epoch bigint NOT NULL,
    renewed_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT leases_name_epoch_key UNIQUE (name, epoch)
);
COMMENT ON TABLE leases IS 'One row for each kind of work that only one replica does.';
COMMENT ON COLUMN leases.epoch IS 'Greater by one whenever another replica takes the lease. Each transaction of the work compares it.';
-- A renewal changes no column of a key, so it does not wait for FOR KEY SHARE, which the work holds; taking the lease does
-- change one, and cannot happen while such a transaction runs.
COMMENT ON CONSTRAINT leases_name_epoch_key ON leases IS 'Makes epoch a column of a key, for the lock that the work holds.';

INSERT INTO leases VALUES ('leader', '', 0, 'epoch', 'epoch');

-- Gatepost may run as a role that owns nothing: whoever writes memberships holds leases too.
DO $$
DECLARE
    writer regrole;
BEGIN
    FOR writer IN
        SELECT DISTINCT granted.grantee FROM pg_class c, aclexplode(c.relacl) AS granted
        WHERE c.oid = 'manual_memberships'::regclass AND granted.grantee NOT IN (0, c.relowner)
        AND granted.privilege_type = 'INSERT'
    LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON leases TO %s', writer);
    END LOOP;
END
$$;
