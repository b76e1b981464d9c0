-- What tenants use, day by day, and what a tier costs; as on Postgres, see there.

ALTER TABLE tiers ADD COLUMN prices TEXT;

DROP TRIGGER tiers_count_version;
CREATE TRIGGER tiers_count_version AFTER UPDATE OF features, limits, prices, managed_by ON tiers
WHEN (OLD.features, OLD.limits, OLD.prices, OLD.managed_by) IS NOT (NEW.features, NEW.limits, NEW.prices, NEW.managed_by) BEGIN
    UPDATE tiers SET version = OLD.version + 1 WHERE id = NEW.id;
END;

CREATE TABLE usage_days (
    tenant_id TEXT NOT NULL,
    day INTEGER NOT NULL,
    meter TEXT NOT NULL,
    part TEXT NOT NULL,
    value INTEGER NOT NULL,
    CONSTRAINT usage_days_pkey PRIMARY KEY (tenant_id, day, meter, part),
    CONSTRAINT usage_days_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_days_day_idx ON usage_days (day);

CREATE TABLE usage_people (
    tenant_id TEXT NOT NULL,
    month INTEGER NOT NULL,
    user_id TEXT NOT NULL,
    days INTEGER NOT NULL,
    CONSTRAINT usage_people_pkey PRIMARY KEY (tenant_id, month, user_id),
    CONSTRAINT usage_people_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE,
    CONSTRAINT usage_people_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_people_user_id_idx ON usage_people (user_id);
CREATE INDEX usage_people_month_idx ON usage_people (month);

CREATE TABLE usage_batches (
    replica TEXT NOT NULL CONSTRAINT usage_batches_pkey PRIMARY KEY,
    number INTEGER NOT NULL,
    written_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_batches_written_at_idx ON usage_batches (written_at);

CREATE TABLE usage_events (
    reporter TEXT NOT NULL,
    source TEXT NOT NULL,
    id TEXT NOT NULL,
    tenant_id TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    CONSTRAINT usage_events_pkey PRIMARY KEY (reporter, source, id),
    CONSTRAINT usage_events_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_events_tenant_id_idx ON usage_events (tenant_id);
CREATE INDEX usage_events_received_at_idx ON usage_events (received_at);

CREATE TABLE usage_bills (
    tenant_id TEXT NOT NULL,
    month INTEGER NOT NULL,
    currency TEXT,
    total INTEGER NOT NULL,
    lines TEXT NOT NULL,
    erased_at INTEGER NOT NULL,
    CONSTRAINT usage_bills_pkey PRIMARY KEY (tenant_id, month, erased_at)
) STRICT, WITHOUT ROWID;
