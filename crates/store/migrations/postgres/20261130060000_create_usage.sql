-- What tenants use, day by day, and what a tier costs.

SET LOCAL search_path TO gatepost, pg_temp;

ALTER TABLE tiers ADD COLUMN prices text;
COMMENT ON COLUMN tiers.prices IS 'JSON: currency, base, meters. NULL: nothing has a price.';

CREATE TABLE usage_days (
    tenant_id text NOT NULL,
    day bigint NOT NULL,
    meter text NOT NULL,
    part text NOT NULL,
    value bigint NOT NULL,
    CONSTRAINT usage_days_pkey PRIMARY KEY (tenant_id, day, meter, part),
    CONSTRAINT usage_days_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
);
CREATE INDEX usage_days_day_idx ON usage_days (day);
COMMENT ON COLUMN usage_days.day IS 'Days since 1970-01-01, in UTC.';
COMMENT ON COLUMN usage_days.part IS 'Of tool_calls: the tool server. Else empty.';

-- Who was let in on which days of a month, so that each counts once.
CREATE TABLE usage_people (
    tenant_id text NOT NULL,
    month bigint NOT NULL,
    user_id text NOT NULL,
    days bigint NOT NULL,
    CONSTRAINT usage_people_pkey PRIMARY KEY (tenant_id, month, user_id),
    CONSTRAINT usage_people_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE,
    CONSTRAINT usage_people_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX usage_people_user_id_idx ON usage_people (user_id);
CREATE INDEX usage_people_month_idx ON usage_people (month);
COMMENT ON COLUMN usage_people.month IS 'As 202611.';
COMMENT ON COLUMN usage_people.days IS 'One bit for each day of the month, the first is 1.';

-- The last batch that each replica wrote: a batch that is sent again counts once.
CREATE TABLE usage_batches (
    replica text CONSTRAINT usage_batches_pkey PRIMARY KEY,
    number bigint NOT NULL,
    written_at bigint NOT NULL
);
CREATE INDEX usage_batches_written_at_idx ON usage_batches (written_at);

-- Events that were counted. An event that is sent again counts once.
CREATE TABLE usage_events (
    reporter text NOT NULL,
    source text NOT NULL,
    id text NOT NULL,
    tenant_id text NOT NULL,
    received_at bigint NOT NULL,
    CONSTRAINT usage_events_pkey PRIMARY KEY (reporter, source, id),
    CONSTRAINT usage_events_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
);
CREATE INDEX usage_events_tenant_id_idx ON usage_events (tenant_id);
CREATE INDEX usage_events_received_at_idx ON usage_events (received_at);
COMMENT ON COLUMN usage_events.reporter IS 'The tenant whose administrator or key reported it; empty: the platform. Neither hides events of the other.';

-- What the bills of a tenant were whose days are erased.
CREATE TABLE usage_bills (
    tenant_id text NOT NULL,
    month bigint NOT NULL,
    currency text,
    total bigint NOT NULL,
    lines text NOT NULL,
    erased_at bigint NOT NULL,
    CONSTRAINT usage_bills_pkey PRIMARY KEY (tenant_id, month, erased_at)
);
COMMENT ON COLUMN usage_bills.lines IS 'JSON: how much of each meter was used, and what it cost.';

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
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON usage_days, usage_people, usage_batches, usage_events, '
            'usage_bills TO %s', writer);
    END LOOP;
END
$$;
