-- The audit shows afterwards whether anybody changed it: each complete hour gets a head, a hash over its entries and the
-- head before it (docs/audit.md has the exact form). In the hash, before, after and address stand as salted digests,
-- so that their text can be erased and the head still fits.

SET LOCAL search_path TO gatepost, pg_temp;

ALTER TABLE audit_entries ADD COLUMN hour bigint;
ALTER TABLE audit_entries ADD COLUMN before_digest bytea;
ALTER TABLE audit_entries ADD COLUMN after_digest bytea;
ALTER TABLE audit_entries ADD COLUMN address_digest bytea;
ALTER TABLE audit_entries ADD COLUMN erased_by bigint;
-- Entries of older releases belong to the hour that they name.
CREATE INDEX audit_entries_hour_idx ON audit_entries (coalesce(hour, at / 3600), id);
COMMENT ON COLUMN audit_entries.hour IS 'The hour since 1970 in whose head the entry stands, by the database''s clock; none: that of "at".';
COMMENT ON COLUMN audit_entries.before_digest IS '16 bytes of salt and SHA-256 of salt and text. The salt is erased with the text.';
COMMENT ON COLUMN audit_entries.erased_by IS 'The entry that records why text is missing here.';

CREATE TABLE audit_heads (
    hour bigint CONSTRAINT audit_heads_pkey PRIMARY KEY,
    form bigint NOT NULL,
    first_id bigint NOT NULL,
    last_id bigint NOT NULL,
    count bigint NOT NULL,
    sha256 bytea NOT NULL CONSTRAINT audit_heads_sha256_check CHECK (length(sha256) = 32),
    previous bytea NOT NULL CONSTRAINT audit_heads_previous_check CHECK (length(previous) = 32),
    cut_by bigint,
    CONSTRAINT audit_heads_previous_key UNIQUE (previous)
);
COMMENT ON TABLE audit_heads IS 'One row for each complete hour with entries. Each names the hash of the one before it.';
COMMENT ON COLUMN audit_heads.cut_by IS 'The entry that records that the entries of this hour were deleted by their age.';

CREATE FUNCTION salted_digest(content text) RETURNS bytea LANGUAGE plpgsql STRICT SET search_path FROM CURRENT AS $$
DECLARE
    salt bytea := uuid_send(gen_random_uuid());
BEGIN
    RETURN salt || sha256(salt || convert_to(content, 'UTF8'));
END
$$;

-- The hour is that in which the entry is written. Whoever writes holds a shared lock of the hour until the transaction
-- ends, and a head is made only when nobody holds a lock of its hour or an earlier one. The hour is read again once the
-- lock is held: a lock that is taken after the hour has ended would protect nothing. If the clock was set back, the
-- entry belongs to the first hour that has no head yet.
CREATE FUNCTION complete_audit_entry() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    current_hour bigint;
BEGIN
    LOOP
        current_hour := unix_now() / 3600;
        NEW.hour := greatest(current_hour, (SELECT max(h.hour) + 1 FROM audit_heads h));
        PERFORM pg_advisory_xact_lock_shared(1735418229, NEW.hour::integer);
        EXIT WHEN current_hour = unix_now() / 3600;
    END LOOP;
    NEW.erased_by := NULL;
    NEW.before_digest := CASE WHEN NEW.before IS NOT NULL THEN coalesce(NEW.before_digest, salted_digest(NEW.before)) END;
    NEW.after_digest := CASE WHEN NEW.after IS NOT NULL THEN coalesce(NEW.after_digest, salted_digest(NEW.after)) END;
    NEW.address_digest := CASE WHEN NEW.address IS NOT NULL THEN coalesce(NEW.address_digest, salted_digest(NEW.address)) END;
    RETURN NEW;
END
$$;
CREATE TRIGGER complete_audit_entry BEFORE INSERT ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION complete_audit_entry();

-- Gives entries of older releases their digests, while their hour has no head. Returns how many it gave.
CREATE FUNCTION digest_audit_entries(wanted bigint, batch bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    given bigint;
BEGIN
    IF EXISTS (SELECT FROM audit_heads h WHERE h.hour = wanted) THEN
        RETURN 0;
    END IF;
    WITH chosen AS (
        SELECT e.id FROM audit_entries e WHERE coalesce(e.hour, e.at / 3600) = wanted AND e.erased_by IS NULL
        AND ((e.before IS NOT NULL AND e.before_digest IS NULL) OR (e.after IS NOT NULL AND e.after_digest IS NULL)
            OR (e.address IS NOT NULL AND e.address_digest IS NULL))
        ORDER BY e.id LIMIT batch FOR UPDATE
    )
    UPDATE audit_entries e SET
        before_digest = coalesce(e.before_digest, salted_digest(e.before)),
        after_digest = coalesce(e.after_digest, salted_digest(e.after)),
        address_digest = coalesce(e.address_digest, salted_digest(e.address))
    FROM chosen WHERE e.id = chosen.id;
    GET DIAGNOSTICS given = ROW_COUNT;
    RETURN given;
END
$$;

-- Deletes entries of hours before this one that have a head, at most so many, and returns their number. The first call
-- writes an entry about it, and notes it in the heads. The last 30 days are never deleted, whoever calls it.
CREATE FUNCTION cut_audit_entries(before_hour bigint, batch bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    cut record;
    written bigint;
    deleted bigint;
BEGIN
    IF before_hour > unix_now() / 3600 - 720 THEN
        RAISE EXCEPTION 'entries of the last 30 days stay in the audit' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM FROM audit_heads h WHERE h.hour < before_hour AND h.cut_by IS NULL ORDER BY h.hour FOR UPDATE;
    SELECT count(*) AS heads, sum(h.count) AS entries INTO cut FROM audit_heads h
        WHERE h.hour < before_hour AND h.cut_by IS NULL;
    IF cut.heads > 0 THEN
        INSERT INTO audit_entries (at, actor, action, target, after, via)
        VALUES (unix_now(), 'retention', 'audit.cut', 'audit',
            json_build_object('before_hour', before_hour, 'entries', cut.entries, 'heads', cut.heads)::text, 'gate')
        RETURNING id INTO written;
        UPDATE audit_heads h SET cut_by = written WHERE h.hour < before_hour AND h.cut_by IS NULL;
    END IF;
    DELETE FROM audit_entries WHERE id IN (
        SELECT e.id FROM audit_entries e JOIN audit_heads h ON h.hour = coalesce(e.hour, e.at / 3600)
        WHERE coalesce(e.hour, e.at / 3600) < before_hour AND h.cut_by IS NOT NULL
        ORDER BY coalesce(e.hour, e.at / 3600), e.id LIMIT batch);
    GET DIAGNOSTICS deleted = ROW_COUNT;
    RETURN deleted;
END
$$;

-- Erases what the audit says about a person who is not there any more: all text of changes to them, and the addresses
-- from which they made changes. Returns the number of entries.
CREATE FUNCTION erase_audit_texts(who text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    written bigint;
    erased bigint;
BEGIN
    IF EXISTS (SELECT FROM users u WHERE u.id = who) THEN
        RAISE EXCEPTION 'the person is still there: only what is said about deleted people is erased'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    INSERT INTO audit_entries (at, actor, action, target, via)
    VALUES (unix_now(), 'retention', 'audit.erase', 'user:' || who, 'gate') RETURNING id INTO written;
    UPDATE audit_entries e SET before = NULL, after = NULL, address = NULL, erased_by = written,
        before_digest = CASE WHEN e.before IS NULL THEN e.before_digest ELSE substr(coalesce(e.before_digest, salted_digest(e.before)), 17) END,
        after_digest = CASE WHEN e.after IS NULL THEN e.after_digest ELSE substr(coalesce(e.after_digest, salted_digest(e.after)), 17) END,
        address_digest = CASE WHEN e.address IS NULL THEN e.address_digest ELSE substr(coalesce(e.address_digest, salted_digest(e.address)), 17) END
    WHERE e.target = 'user:' || who AND e.id <> written
    AND (e.before IS NOT NULL OR e.after IS NOT NULL OR e.address IS NOT NULL);
    GET DIAGNOSTICS erased = ROW_COUNT;
    UPDATE audit_entries e SET address = NULL, erased_by = written,
        address_digest = substr(coalesce(e.address_digest, salted_digest(e.address)), 17)
    WHERE e.actor = who AND e.address IS NOT NULL AND e.erased_by IS DISTINCT FROM written;
    RETURN erased;
END
$$;

REVOKE EXECUTE ON FUNCTION salted_digest(text), complete_audit_entry(), digest_audit_entries(bigint, bigint),
    cut_audit_entries(bigint, bigint), erase_audit_texts(text) FROM PUBLIC;

-- Gatepost may run as a role that owns nothing: whoever writes the audit reads and adds, and changes nothing.
DO $$
DECLARE
    writer regrole;
BEGIN
    FOR writer IN
        SELECT DISTINCT granted.grantee FROM pg_class c, aclexplode(c.relacl) AS granted
        WHERE c.oid = 'audit_entries'::regclass AND granted.grantee NOT IN (0, c.relowner)
        AND granted.privilege_type = 'INSERT'
    LOOP
        EXECUTE format('REVOKE ALL ON audit_entries FROM %s', writer);
        EXECUTE format('GRANT SELECT, INSERT ON audit_entries, audit_heads TO %s', writer);
        EXECUTE format('GRANT EXECUTE ON FUNCTION digest_audit_entries(bigint, bigint),
            cut_audit_entries(bigint, bigint), erase_audit_texts(text), salted_digest(text) TO %s', writer);
    END LOOP;
END
$$;
