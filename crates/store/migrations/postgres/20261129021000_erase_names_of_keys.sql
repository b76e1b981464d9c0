-- What the audit says about the keys of a person is erased with what it says about the person: the name of a key is a text
-- that they wrote. Keys that were revoked are found by the time since, for their deletion.

SET LOCAL search_path TO gatepost, pg_temp;

CREATE INDEX keys_revoked_at_idx ON keys (revoked_at) WHERE revoked_at IS NOT NULL;

-- As before, and for each key of the person one more entry that records the erasure: releases before this one accept an
-- erasure that is recorded for the target of the entry. Who owned a key its own entries say, also when the key is gone.
CREATE OR REPLACE FUNCTION erase_audit_texts(who text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    owned text := '"owner":"' || who || '"';
    erased_target text;
    written bigint;
    changed bigint;
    erased bigint := 0;
BEGIN
    IF EXISTS (SELECT FROM users u WHERE u.id = who) THEN
        RAISE EXCEPTION 'the person is still there: only what is said about deleted people is erased'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOR erased_target IN
        SELECT 'user:' || who
        UNION ALL SELECT * FROM (SELECT DISTINCT e.target FROM audit_entries e
            WHERE e.action IN ('key.create', 'key.update', 'key.revoke')
            AND (strpos(e.before, owned) > 0 OR strpos(e.after, owned) > 0) ORDER BY e.target) AS keys
    LOOP
        INSERT INTO audit_entries (at, actor, action, target, via)
        VALUES (unix_now(), 'retention', 'audit.erase', erased_target, 'gate') RETURNING id INTO written;
        UPDATE audit_entries e SET before = NULL, after = NULL, address = NULL, erased_by = written,
            before_digest = CASE WHEN e.before IS NULL THEN e.before_digest ELSE substr(coalesce(e.before_digest, salted_digest(e.before)), 17) END,
            after_digest = CASE WHEN e.after IS NULL THEN e.after_digest ELSE substr(coalesce(e.after_digest, salted_digest(e.after)), 17) END,
            address_digest = CASE WHEN e.address IS NULL THEN e.address_digest ELSE substr(coalesce(e.address_digest, salted_digest(e.address)), 17) END
        WHERE e.target = erased_target AND e.id <> written
        AND (e.before IS NOT NULL OR e.after IS NOT NULL OR e.address IS NOT NULL);
        GET DIAGNOSTICS changed = ROW_COUNT;
        erased := erased + changed;
        IF erased_target = 'user:' || who THEN
            UPDATE audit_entries e SET address = NULL, erased_by = written,
                address_digest = substr(coalesce(e.address_digest, salted_digest(e.address)), 17)
            WHERE e.actor = who AND e.address IS NOT NULL AND e.erased_by IS DISTINCT FROM written;
        END IF;
    END LOOP;
    RETURN erased;
END
$$;
