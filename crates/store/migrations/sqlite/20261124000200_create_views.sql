-- The three views that other programs read and write (DESIGN.md section 7), as on Postgres.
-- Inserts are guarded by NOT EXISTS instead of a conflict clause, because a writer's INSERT OR REPLACE would override it.

CREATE VIEW user_group_membership AS
SELECT DISTINCT u.email AS user_email, g.name AS group_name
FROM resolved_memberships m
JOIN users u ON u.id = m.user_id
JOIN groups g ON g.id = m.group_id
WHERE u.email IS NOT NULL;

CREATE VIEW group_tenant_mapping AS
SELECT g.name AS group_name, t.tenant_id
FROM group_tenants t
JOIN groups g ON g.id = t.group_id;

-- Whoever is an admin, or was explicitly made or denied one; while disabled, nobody is.
CREATE VIEW user_admin_status AS
SELECT u.email AS user_email, coalesce(o.is_admin, 1) AND u.disabled_at IS NULL AS is_admin
FROM users u
LEFT JOIN admin_overrides o ON o.user_id = u.id
WHERE u.email IS NOT NULL
AND (o.user_id IS NOT NULL OR EXISTS (SELECT 1 FROM admin_reasons r WHERE r.user_id = u.id));

-- What the triggers share. SQLite has no functions of ours: inserting into these views creates what is missing.
CREATE VIEW user_emails AS SELECT email FROM users;
CREATE TRIGGER create_user INSTEAD OF INSERT ON user_emails
WHEN NOT EXISTS (SELECT 1 FROM users WHERE email = NEW.email) BEGIN
    INSERT INTO users (id, email, created_at) VALUES (
        lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-'
            || substr('89AB', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6))),
        NEW.email, unixepoch());
    INSERT INTO audit_entries (at, actor, action, target, after)
    SELECT unixepoch(), 'db:sqlite', 'user.create', 'user:' || id, json_object('email', email) FROM users WHERE email = NEW.email;
END;

CREATE VIEW group_names AS SELECT name FROM groups;
CREATE TRIGGER create_group INSTEAD OF INSERT ON group_names
WHEN NOT EXISTS (SELECT 1 FROM groups WHERE name = NEW.name) BEGIN
    INSERT INTO groups (name) VALUES (NEW.name);
    INSERT INTO audit_entries (at, actor, action, target) VALUES (unixepoch(), 'db:sqlite', 'group.create', 'group:' || NEW.name);
END;

CREATE TRIGGER insert_user_group_membership INSTEAD OF INSERT ON user_group_membership BEGIN
    SELECT RAISE(ABORT, 'user_email is empty: expected an address as in name@example.com') WHERE coalesce(NEW.user_email, '') = '';
    SELECT RAISE(ABORT, 'group_name is empty: expected a name') WHERE coalesce(NEW.group_name, '') = '';
    INSERT INTO user_emails (email) VALUES (lower(NEW.user_email));
    INSERT INTO group_names (name) VALUES (NEW.group_name);
    INSERT INTO audit_entries (at, actor, action, target, after)
    SELECT unixepoch(), 'db:sqlite', 'membership.create', 'user:' || u.id, json_object('group', g.name, 'source', 'manual')
    FROM users u, groups g
    WHERE u.email = lower(NEW.user_email) AND g.name = NEW.group_name
    AND NOT EXISTS (SELECT 1 FROM manual_memberships m WHERE m.user_id = u.id AND m.group_id = g.id AND m.source = 'manual');
    INSERT INTO manual_memberships (user_id, group_id, source)
    SELECT u.id, g.id, 'manual' FROM users u, groups g
    WHERE u.email = lower(NEW.user_email) AND g.name = NEW.group_name
    AND NOT EXISTS (SELECT 1 FROM manual_memberships m WHERE m.user_id = u.id AND m.group_id = g.id AND m.source = 'manual');
END;

CREATE TRIGGER delete_user_group_membership INSTEAD OF DELETE ON user_group_membership BEGIN
    INSERT INTO audit_entries (at, actor, action, target, before)
    SELECT unixepoch(), 'db:sqlite', 'membership.delete', 'user:' || u.id, json_object('group', g.name, 'source', m.source)
    FROM resolved_memberships m JOIN users u ON u.id = m.user_id JOIN groups g ON g.id = m.group_id
    WHERE u.email = OLD.user_email AND g.name = OLD.group_name;
    DELETE FROM manual_memberships
    WHERE user_id = (SELECT id FROM users WHERE email = OLD.user_email)
    AND group_id = (SELECT id FROM groups WHERE name = OLD.group_name);
    DELETE FROM provider_memberships
    WHERE user_id = (SELECT id FROM users WHERE email = OLD.user_email)
    AND provider_group_id IN (SELECT p.id FROM provider_groups p JOIN groups g ON g.id = p.group_id WHERE g.name = OLD.group_name);
END;

CREATE TRIGGER update_user_group_membership INSTEAD OF UPDATE ON user_group_membership
WHEN lower(NEW.user_email) IS NOT OLD.user_email OR NEW.group_name IS NOT OLD.group_name BEGIN
    DELETE FROM user_group_membership WHERE user_email = OLD.user_email AND group_name = OLD.group_name;
    INSERT INTO user_group_membership (user_email, group_name) VALUES (NEW.user_email, NEW.group_name);
END;

CREATE TRIGGER insert_group_tenant_mapping INSTEAD OF INSERT ON group_tenant_mapping BEGIN
    SELECT RAISE(ABORT, 'group_name is empty: expected a name') WHERE coalesce(NEW.group_name, '') = '';
    SELECT RAISE(ABORT, 'tenant_id is empty: expected an id') WHERE coalesce(NEW.tenant_id, '') = '';
    INSERT INTO group_names (name) VALUES (NEW.group_name);
    INSERT INTO audit_entries (at, actor, action, target)
    SELECT unixepoch(), 'db:sqlite', 'tenant.create', 'tenant:' || NEW.tenant_id
    WHERE NOT EXISTS (SELECT 1 FROM tenants WHERE id = NEW.tenant_id);
    INSERT INTO tenants (id, created_at)
    SELECT NEW.tenant_id, unixepoch() WHERE NOT EXISTS (SELECT 1 FROM tenants WHERE id = NEW.tenant_id);
    INSERT INTO audit_entries (at, actor, action, target, after)
    SELECT unixepoch(), 'db:sqlite', 'tenant.map', 'group:' || g.name, json_object('tenant', NEW.tenant_id, 'role', 'member')
    FROM groups g
    WHERE g.name = NEW.group_name
    AND NOT EXISTS (SELECT 1 FROM group_tenants t WHERE t.group_id = g.id AND t.tenant_id = NEW.tenant_id);
    INSERT INTO group_tenants (group_id, tenant_id)
    SELECT g.id, NEW.tenant_id FROM groups g
    WHERE g.name = NEW.group_name
    AND NOT EXISTS (SELECT 1 FROM group_tenants t WHERE t.group_id = g.id AND t.tenant_id = NEW.tenant_id);
END;

CREATE TRIGGER delete_group_tenant_mapping INSTEAD OF DELETE ON group_tenant_mapping BEGIN
    INSERT INTO audit_entries (at, actor, action, target, before)
    SELECT unixepoch(), 'db:sqlite', 'tenant.unmap', 'group:' || g.name, json_object('tenant', t.tenant_id, 'role', t.role)
    FROM group_tenants t JOIN groups g ON g.id = t.group_id
    WHERE g.name = OLD.group_name AND t.tenant_id = OLD.tenant_id;
    DELETE FROM group_tenants
    WHERE group_id = (SELECT id FROM groups WHERE name = OLD.group_name) AND tenant_id = OLD.tenant_id;
END;

CREATE TRIGGER update_group_tenant_mapping INSTEAD OF UPDATE ON group_tenant_mapping
WHEN NEW.group_name IS NOT OLD.group_name OR NEW.tenant_id IS NOT OLD.tenant_id BEGIN
    DELETE FROM group_tenant_mapping WHERE group_name = OLD.group_name AND tenant_id = OLD.tenant_id;
    INSERT INTO group_tenant_mapping (group_name, tenant_id) VALUES (NEW.group_name, NEW.tenant_id);
END;

CREATE TRIGGER insert_user_admin_status INSTEAD OF INSERT ON user_admin_status BEGIN
    SELECT RAISE(ABORT, 'user_email is empty: expected an address as in name@example.com') WHERE coalesce(NEW.user_email, '') = '';
    SELECT RAISE(ABORT, 'is_admin is neither true nor false: expected 1 or 0') WHERE coalesce(NEW.is_admin, 2) NOT IN (0, 1);
    INSERT INTO user_emails (email) VALUES (lower(NEW.user_email));
    INSERT INTO audit_entries (at, actor, action, target, before, after)
    SELECT unixepoch(), 'db:sqlite', CASE NEW.is_admin WHEN 1 THEN 'admin.grant' ELSE 'admin.revoke' END, 'user:' || u.id,
        json_object('is_admin', json(CASE o.is_admin WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE 'null' END)),
        json_object('is_admin', json(CASE NEW.is_admin WHEN 1 THEN 'true' ELSE 'false' END))
    FROM users u LEFT JOIN admin_overrides o ON o.user_id = u.id
    WHERE u.email = lower(NEW.user_email) AND o.is_admin IS NOT NEW.is_admin;
    DELETE FROM admin_overrides
    WHERE user_id = (SELECT id FROM users WHERE email = lower(NEW.user_email)) AND is_admin <> NEW.is_admin;
    INSERT INTO admin_overrides (user_id, is_admin)
    SELECT u.id, NEW.is_admin FROM users u
    WHERE u.email = lower(NEW.user_email) AND NOT EXISTS (SELECT 1 FROM admin_overrides o WHERE o.user_id = u.id);
END;

CREATE TRIGGER delete_user_admin_status INSTEAD OF DELETE ON user_admin_status BEGIN
    INSERT INTO audit_entries (at, actor, action, target, before, after)
    SELECT unixepoch(), 'db:sqlite', 'admin.reset', 'user:' || u.id,
        json_object('is_admin', json(CASE o.is_admin WHEN 1 THEN 'true' ELSE 'false' END)), json_object('is_admin', NULL)
    FROM users u JOIN admin_overrides o ON o.user_id = u.id WHERE u.email = OLD.user_email;
    DELETE FROM admin_overrides WHERE user_id = (SELECT id FROM users WHERE email = OLD.user_email);
END;

CREATE TRIGGER update_user_admin_status INSTEAD OF UPDATE ON user_admin_status BEGIN
    DELETE FROM user_admin_status WHERE user_email = OLD.user_email AND lower(NEW.user_email) IS NOT OLD.user_email;
    INSERT INTO user_admin_status (user_email, is_admin) VALUES (NEW.user_email, NEW.is_admin);
END;
