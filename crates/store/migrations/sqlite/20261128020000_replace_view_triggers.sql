-- Many rows in one statement through the views, in a time that grows with the rows alone: an update that deletes through
-- the view has SQLite read the whole view for each row. Deleting is therefore shared, as creating is: inserting into
-- this view deletes the membership.

CREATE VIEW deleted_memberships AS SELECT user_email, group_name FROM user_group_membership;
CREATE TRIGGER delete_membership INSTEAD OF INSERT ON deleted_memberships BEGIN
    INSERT INTO audit_entries (at, actor, action, target, before)
    SELECT unixepoch(), 'db:sqlite', 'membership.delete', 'user:' || u.id, json_object('group', g.name, 'source', m.source)
    FROM resolved_memberships m JOIN users u ON u.id = m.user_id JOIN groups g ON g.id = m.group_id
    WHERE u.email = NEW.user_email AND g.name = NEW.group_name;
    DELETE FROM manual_memberships
    WHERE user_id = (SELECT id FROM users WHERE email = NEW.user_email)
    AND group_id = (SELECT id FROM groups WHERE name = NEW.group_name);
    DELETE FROM provider_memberships
    WHERE user_id = (SELECT id FROM users WHERE email = NEW.user_email)
    AND provider_group_id IN (SELECT p.id FROM provider_groups p JOIN groups g ON g.id = p.group_id WHERE g.name = NEW.group_name);
END;

DROP TRIGGER delete_user_group_membership;
CREATE TRIGGER delete_user_group_membership INSTEAD OF DELETE ON user_group_membership BEGIN
    INSERT INTO deleted_memberships (user_email, group_name) VALUES (OLD.user_email, OLD.group_name);
END;

DROP TRIGGER update_user_group_membership;
CREATE TRIGGER update_user_group_membership INSTEAD OF UPDATE ON user_group_membership
WHEN lower(NEW.user_email) IS NOT OLD.user_email OR NEW.group_name IS NOT OLD.group_name BEGIN
    INSERT INTO deleted_memberships (user_email, group_name) VALUES (OLD.user_email, OLD.group_name);
    INSERT INTO user_group_membership (user_email, group_name) VALUES (NEW.user_email, NEW.group_name);
END;
