-- A membership and a decision about an admin may have an end; as on Postgres, see there.

ALTER TABLE manual_memberships ADD COLUMN until INTEGER;
ALTER TABLE admin_overrides ADD COLUMN until INTEGER;
CREATE INDEX manual_memberships_until_idx ON manual_memberships (until) WHERE until IS NOT NULL;
CREATE INDEX admin_overrides_until_idx ON admin_overrides (until) WHERE until IS NOT NULL;

CREATE TRIGGER manual_memberships_count_version AFTER UPDATE OF until ON manual_memberships
WHEN OLD.until IS NOT NEW.until BEGIN
    UPDATE manual_memberships SET version = OLD.version + 1
    WHERE user_id = NEW.user_id AND group_id = NEW.group_id AND source = NEW.source;
END;
DROP TRIGGER admin_overrides_count_version;
CREATE TRIGGER admin_overrides_count_version AFTER UPDATE OF is_admin, until ON admin_overrides
WHEN (OLD.is_admin, OLD.until) IS NOT (NEW.is_admin, NEW.until) BEGIN
    UPDATE admin_overrides SET version = OLD.version + 1 WHERE user_id = NEW.user_id;
END;

DROP VIEW resolved_memberships;
CREATE VIEW resolved_memberships AS
SELECT user_id, group_id, source, true AS is_vouched, until FROM manual_memberships
WHERE until IS NULL OR until > unixepoch()
UNION ALL
SELECT m.user_id, p.group_id, p.provider, p.source <> 'auto', CAST(NULL AS INTEGER)
FROM provider_memberships m JOIN provider_groups p ON p.id = m.provider_group_id;

CREATE VIEW current_admin_overrides AS
SELECT user_id, is_admin, until, version FROM admin_overrides WHERE until IS NULL OR until > unixepoch();

-- What is written through the views has no end, also where a row with an end is there.
DROP TRIGGER insert_user_group_membership;
CREATE TRIGGER insert_user_group_membership INSTEAD OF INSERT ON user_group_membership BEGIN
    SELECT RAISE(ABORT, 'user_email is empty: expected an address as in name@example.com') WHERE coalesce(NEW.user_email, '') = '';
    SELECT RAISE(ABORT, 'group_name is empty: expected a name') WHERE coalesce(NEW.group_name, '') = '';
    INSERT INTO user_emails (email) VALUES (lower(NEW.user_email));
    INSERT INTO group_names (name) VALUES (NEW.group_name);
    INSERT INTO audit_entries (at, actor, action, target, after)
    SELECT unixepoch(), 'db:sqlite', 'membership.create', 'user:' || u.id, json_object('group', g.name, 'source', 'manual')
    FROM users u, groups g
    WHERE u.email = lower(NEW.user_email) AND g.name = NEW.group_name
    AND NOT EXISTS (SELECT 1 FROM manual_memberships m
        WHERE m.user_id = u.id AND m.group_id = g.id AND m.source = 'manual' AND m.until IS NULL);
    UPDATE manual_memberships SET until = NULL
    WHERE user_id = (SELECT id FROM users WHERE email = lower(NEW.user_email))
    AND group_id = (SELECT id FROM groups WHERE name = NEW.group_name) AND source = 'manual' AND until IS NOT NULL;
    INSERT INTO manual_memberships (user_id, group_id, source)
    SELECT u.id, g.id, 'manual' FROM users u, groups g
    WHERE u.email = lower(NEW.user_email) AND g.name = NEW.group_name
    AND NOT EXISTS (SELECT 1 FROM manual_memberships m WHERE m.user_id = u.id AND m.group_id = g.id AND m.source = 'manual');
END;

DROP VIEW user_admin_status;
CREATE VIEW user_admin_status AS
SELECT u.email AS user_email, coalesce(o.is_admin, 1) AND u.disabled_at IS NULL AS is_admin
FROM users u
LEFT JOIN current_admin_overrides o ON o.user_id = u.id
WHERE u.email IS NOT NULL
AND (o.user_id IS NOT NULL OR EXISTS (SELECT 1 FROM admin_reasons r WHERE r.user_id = u.id));

CREATE TRIGGER insert_user_admin_status INSTEAD OF INSERT ON user_admin_status BEGIN
    SELECT RAISE(ABORT, 'user_email is empty: expected an address as in name@example.com') WHERE coalesce(NEW.user_email, '') = '';
    SELECT RAISE(ABORT, 'is_admin is neither true nor false: expected 1 or 0') WHERE coalesce(NEW.is_admin, 2) NOT IN (0, 1);
    INSERT INTO user_emails (email) VALUES (lower(NEW.user_email));
    INSERT INTO audit_entries (at, actor, action, target, before, after)
    SELECT unixepoch(), 'db:sqlite', CASE NEW.is_admin WHEN 1 THEN 'admin.grant' ELSE 'admin.revoke' END, 'user:' || u.id,
        json_object('is_admin', json(CASE o.is_admin WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE 'null' END)),
        json_object('is_admin', json(CASE NEW.is_admin WHEN 1 THEN 'true' ELSE 'false' END))
    FROM users u LEFT JOIN current_admin_overrides o ON o.user_id = u.id
    WHERE u.email = lower(NEW.user_email) AND (o.is_admin IS NOT NEW.is_admin OR o.until IS NOT NULL);
    DELETE FROM admin_overrides
    WHERE user_id = (SELECT id FROM users WHERE email = lower(NEW.user_email)) AND (is_admin <> NEW.is_admin OR until IS NOT NULL);
    INSERT INTO admin_overrides (user_id, is_admin)
    SELECT u.id, NEW.is_admin FROM users u
    WHERE u.email = lower(NEW.user_email) AND NOT EXISTS (SELECT 1 FROM admin_overrides o WHERE o.user_id = u.id);
END;

CREATE TRIGGER delete_user_admin_status INSTEAD OF DELETE ON user_admin_status BEGIN
    INSERT INTO audit_entries (at, actor, action, target, before, after)
    SELECT unixepoch(), 'db:sqlite', 'admin.reset', 'user:' || u.id,
        json_object('is_admin', json(CASE o.is_admin WHEN 1 THEN 'true' ELSE 'false' END)), json_object('is_admin', NULL)
    FROM users u JOIN current_admin_overrides o ON o.user_id = u.id WHERE u.email = OLD.user_email;
    DELETE FROM admin_overrides WHERE user_id = (SELECT id FROM users WHERE email = OLD.user_email);
END;

CREATE TRIGGER update_user_admin_status INSTEAD OF UPDATE ON user_admin_status BEGIN
    DELETE FROM user_admin_status WHERE user_email = OLD.user_email AND lower(NEW.user_email) IS NOT OLD.user_email;
    INSERT INTO user_admin_status (user_email, is_admin) VALUES (NEW.user_email, NEW.is_admin);
END;
