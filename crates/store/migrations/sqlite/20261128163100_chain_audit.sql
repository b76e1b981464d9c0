-- The audit shows afterwards whether anybody changed it; as on Postgres, see there. SQLite has no SHA-256: entries of
-- the views get their digests when the head of their hour is made.

ALTER TABLE audit_entries ADD COLUMN hour INTEGER;
ALTER TABLE audit_entries ADD COLUMN before_digest BLOB;
ALTER TABLE audit_entries ADD COLUMN after_digest BLOB;
ALTER TABLE audit_entries ADD COLUMN address_digest BLOB;
ALTER TABLE audit_entries ADD COLUMN erased_by INTEGER;
CREATE INDEX audit_entries_hour_idx ON audit_entries (coalesce(hour, at / 3600), id);

CREATE TABLE audit_heads (
    hour INTEGER NOT NULL CONSTRAINT audit_heads_pkey PRIMARY KEY,
    form INTEGER NOT NULL,
    first_id INTEGER NOT NULL,
    last_id INTEGER NOT NULL,
    count INTEGER NOT NULL,
    sha256 BLOB NOT NULL CONSTRAINT audit_heads_sha256_check CHECK (length(sha256) = 32),
    previous BLOB NOT NULL CONSTRAINT audit_heads_previous_check CHECK (length(previous) = 32),
    cut_by INTEGER,
    CONSTRAINT audit_heads_previous_key UNIQUE (previous)
) STRICT;

CREATE TRIGGER complete_audit_entry AFTER INSERT ON audit_entries BEGIN
    UPDATE audit_entries SET hour = max(unixepoch() / 3600, coalesce((SELECT max(h.hour) + 1 FROM audit_heads h), 0))
    WHERE id = NEW.id;
END;

-- Whoever may write the file may also drop these. They stop mistakes and other programs, not the owner.
CREATE TRIGGER keep_audit_entries BEFORE UPDATE ON audit_entries
WHEN (OLD.id, OLD.at, OLD.actor, OLD.action, OLD.target, OLD.request_id, OLD.via, OLD.tenant_id, OLD.key_id)
    IS NOT (NEW.id, NEW.at, NEW.actor, NEW.action, NEW.target, NEW.request_id, NEW.via, NEW.tenant_id, NEW.key_id)
OR (OLD.hour IS NOT NULL AND OLD.hour IS NOT NEW.hour)
-- Text stays, or goes with the salt of its digest, by an entry that says so. A digest is given once.
OR NOT (NEW.before IS OLD.before AND (NEW.before_digest IS OLD.before_digest OR OLD.before_digest IS NULL)
    OR NEW.before IS NULL AND length(NEW.before_digest) = 32 AND NEW.erased_by IS NOT OLD.erased_by)
OR NOT (NEW.after IS OLD.after AND (NEW.after_digest IS OLD.after_digest OR OLD.after_digest IS NULL)
    OR NEW.after IS NULL AND length(NEW.after_digest) = 32 AND NEW.erased_by IS NOT OLD.erased_by)
OR NOT (NEW.address IS OLD.address AND (NEW.address_digest IS OLD.address_digest OR OLD.address_digest IS NULL)
    OR NEW.address IS NULL AND length(NEW.address_digest) = 32 AND NEW.erased_by IS NOT OLD.erased_by)
OR (NEW.erased_by IS NOT OLD.erased_by
    AND NOT EXISTS (SELECT 1 FROM audit_entries e WHERE e.id = NEW.erased_by AND e.action = 'audit.erase'
        AND NOT EXISTS (SELECT 1 FROM users u WHERE u.id = substr(e.target, 6))))
BEGIN
    SELECT RAISE(ABORT, 'entries of the audit cannot be changed');
END;
CREATE TRIGGER keep_audit_entries_from_deletion BEFORE DELETE ON audit_entries
WHEN NOT EXISTS (SELECT 1 FROM audit_heads h WHERE h.hour = coalesce(OLD.hour, OLD.at / 3600) AND h.cut_by IS NOT NULL)
BEGIN
    SELECT RAISE(ABORT, 'entries of the audit cannot be deleted');
END;
CREATE TRIGGER keep_audit_heads BEFORE UPDATE ON audit_heads
WHEN (OLD.hour, OLD.form, OLD.first_id, OLD.last_id, OLD.count, OLD.sha256, OLD.previous)
    IS NOT (NEW.hour, NEW.form, NEW.first_id, NEW.last_id, NEW.count, NEW.sha256, NEW.previous)
OR OLD.cut_by IS NOT NULL OR OLD.hour > unixepoch() / 3600 - 720
OR NOT EXISTS (SELECT 1 FROM audit_entries e WHERE e.id = NEW.cut_by AND e.action = 'audit.cut')
BEGIN
    SELECT RAISE(ABORT, 'heads of the audit cannot be changed');
END;
CREATE TRIGGER keep_audit_heads_from_deletion BEFORE DELETE ON audit_heads BEGIN
    SELECT RAISE(ABORT, 'heads of the audit cannot be deleted');
END;
