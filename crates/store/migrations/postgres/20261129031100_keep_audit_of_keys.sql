-- What the audit says about a key is erased only when the key is gone, as what it says about a person is. Whoever may write the
-- audit could have written that somebody who is gone owned a key that is there.

SET LOCAL search_path TO gatepost, pg_temp;

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
            AND (strpos(e.before, owned) > 0 OR strpos(e.after, owned) > 0)
            AND NOT EXISTS (SELECT FROM keys k WHERE k.id = substr(e.target, 5)) ORDER BY e.target) AS owned_keys
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
