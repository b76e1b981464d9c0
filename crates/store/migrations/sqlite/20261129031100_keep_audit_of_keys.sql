-- What the audit says about a key is erased only when the key is gone, as what it says about a person is. keep_audit_entries asks
-- for an entry that records the erasure of somebody who is gone, and the id of a key is never that of a person.

CREATE TRIGGER keep_audit_entries_of_keys BEFORE UPDATE ON audit_entries
WHEN NEW.erased_by IS NOT NULL AND NEW.erased_by IS NOT OLD.erased_by
AND (EXISTS (SELECT 1 FROM audit_entries e JOIN keys k ON k.id = substr(e.target, 5)
        WHERE e.id = NEW.erased_by AND substr(e.target, 1, 4) = 'key:')
    OR (substr(OLD.target, 1, 4) = 'key:' AND EXISTS (SELECT 1 FROM keys k WHERE k.id = substr(OLD.target, 5))
        AND (NEW.before IS NOT OLD.before OR NEW.after IS NOT OLD.after)))
BEGIN
    SELECT RAISE(ABORT, 'the key is still there: entries of the audit cannot be changed');
END;
