-- The fourth view that other programs read and write: who may enter which tenant; as on Postgres, see there.

CREATE VIEW resolved_tenant_roles AS
SELECT user_id, tenant_id, role, 'tenant' AS source FROM current_tenant_members
UNION ALL
SELECT m.user_id, t.tenant_id, t.role, 'group'
FROM resolved_memberships m JOIN group_tenants t ON t.group_id = m.group_id;

CREATE VIEW user_tenant_memberships AS
SELECT u.email AS user_email, r.tenant_id,
    CASE max(CASE r.role WHEN 'admin' THEN 3 WHEN 'member' THEN 2 ELSE 1 END)
        WHEN 3 THEN 'admin' WHEN 2 THEN 'member' ELSE 'viewer' END AS role
FROM users u
JOIN resolved_tenant_roles r ON r.user_id = u.id
JOIN tenants t ON t.id = r.tenant_id
WHERE u.email IS NOT NULL AND t.state = 'active'
GROUP BY u.email, r.tenant_id;

CREATE TRIGGER insert_user_tenant_memberships INSTEAD OF INSERT ON user_tenant_memberships BEGIN
    SELECT RAISE(ABORT, 'user_email is empty: expected an address as in name@example.com') WHERE coalesce(NEW.user_email, '') = '';
    SELECT RAISE(ABORT, 'tenant_id is empty: expected an id') WHERE coalesce(NEW.tenant_id, '') = '';
    SELECT RAISE(ABORT, 'role is no role: expected admin, member or viewer')
    WHERE coalesce(NEW.role, 'member') NOT IN ('admin', 'member', 'viewer');
    SELECT RAISE(ABORT, 'tenant_id is a deleted tenant: restore it, or use another id')
    WHERE EXISTS (SELECT 1 FROM tenants WHERE id = NEW.tenant_id AND state = 'deleted');
    INSERT INTO user_emails (email) VALUES (lower(NEW.user_email));
    INSERT INTO audit_entries (at, actor, action, target)
    SELECT unixepoch(), 'db:sqlite', 'tenant.create', 'tenant:' || NEW.tenant_id
    WHERE NOT EXISTS (SELECT 1 FROM tenants WHERE id = NEW.tenant_id);
    INSERT INTO tenants (id, created_at)
    SELECT NEW.tenant_id, unixepoch() WHERE NOT EXISTS (SELECT 1 FROM tenants WHERE id = NEW.tenant_id);
    INSERT INTO audit_entries (at, actor, action, target, before, after, tenant_id)
    SELECT unixepoch(), 'db:sqlite', 'tenant.add_member', 'user:' || u.id,
        CASE WHEN m.role IS NOT NULL THEN json_object('tenant', NEW.tenant_id, 'role', m.role) END,
        json_object('tenant', NEW.tenant_id, 'role', coalesce(NEW.role, 'member')), NEW.tenant_id
    FROM users u LEFT JOIN current_tenant_members m ON m.user_id = u.id AND m.tenant_id = NEW.tenant_id
    WHERE u.email = lower(NEW.user_email) AND (m.role IS NOT coalesce(NEW.role, 'member') OR m.until IS NOT NULL);
    UPDATE tenant_members SET role = coalesce(NEW.role, 'member'), until = NULL
    WHERE tenant_id = NEW.tenant_id AND user_id = (SELECT id FROM users WHERE email = lower(NEW.user_email))
    AND (role <> coalesce(NEW.role, 'member') OR until IS NOT NULL);
    INSERT INTO tenant_members (tenant_id, user_id, role, created_at)
    SELECT NEW.tenant_id, u.id, coalesce(NEW.role, 'member'), unixepoch() FROM users u
    WHERE u.email = lower(NEW.user_email)
    AND NOT EXISTS (SELECT 1 FROM tenant_members m WHERE m.tenant_id = NEW.tenant_id AND m.user_id = u.id);
END;

-- SQLite has no functions of ours: inserting into this view deletes the member. What a group gives stays, unless a role
-- of at least `role` may stay.
CREATE VIEW deleted_tenant_members AS SELECT user_email, tenant_id, role FROM user_tenant_memberships;
CREATE TRIGGER delete_tenant_member INSTEAD OF INSERT ON deleted_tenant_members BEGIN
    SELECT RAISE(ABORT, 'the person is in the tenant by a group: change user_group_membership or group_tenant_mapping')
    WHERE EXISTS (SELECT 1 FROM resolved_memberships m JOIN group_tenants t ON t.group_id = m.group_id
        WHERE m.user_id = (SELECT id FROM users WHERE email = NEW.user_email) AND t.tenant_id = NEW.tenant_id
        AND CASE t.role WHEN 'admin' THEN 3 WHEN 'member' THEN 2 ELSE 1 END
            > CASE NEW.role WHEN 'admin' THEN 3 WHEN 'member' THEN 2 WHEN 'viewer' THEN 1 ELSE 0 END);
    INSERT INTO audit_entries (at, actor, action, target, before, tenant_id)
    SELECT unixepoch(), 'db:sqlite', 'tenant.remove_member', 'user:' || u.id,
        json_object('tenant', NEW.tenant_id, 'role', m.role), NEW.tenant_id
    FROM users u JOIN tenant_members m ON m.user_id = u.id
    WHERE u.email = NEW.user_email AND m.tenant_id = NEW.tenant_id;
    DELETE FROM tenant_members
    WHERE tenant_id = NEW.tenant_id AND user_id = (SELECT id FROM users WHERE email = NEW.user_email);
END;

CREATE TRIGGER delete_user_tenant_memberships INSTEAD OF DELETE ON user_tenant_memberships BEGIN
    INSERT INTO deleted_tenant_members (user_email, tenant_id) VALUES (OLD.user_email, OLD.tenant_id);
END;

CREATE TRIGGER update_user_tenant_memberships INSTEAD OF UPDATE ON user_tenant_memberships
WHEN lower(NEW.user_email) IS NOT OLD.user_email OR NEW.tenant_id IS NOT OLD.tenant_id OR NEW.role IS NOT OLD.role BEGIN
    INSERT INTO deleted_tenant_members (user_email, tenant_id, role)
    VALUES (OLD.user_email, OLD.tenant_id,
        CASE WHEN lower(NEW.user_email) = OLD.user_email AND NEW.tenant_id = OLD.tenant_id THEN coalesce(NEW.role, 'member') END);
    INSERT INTO user_tenant_memberships (user_email, tenant_id, role) VALUES (NEW.user_email, NEW.tenant_id, NEW.role);
END;
