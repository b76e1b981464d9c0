-- What changed about whom, for the process that keeps access in memory and reads this table's end four times a second:
-- the command line changes the same file. A row without a user concerns everybody. Old rows are deleted in passing.

CREATE TABLE changes (
    id INTEGER CONSTRAINT changes_pkey PRIMARY KEY AUTOINCREMENT,
    user_id TEXT
) STRICT;

CREATE TRIGGER provider_memberships_note_insert AFTER INSERT ON provider_memberships BEGIN
    INSERT INTO changes (user_id) VALUES (NEW.user_id);
END;
CREATE TRIGGER provider_memberships_note_update AFTER UPDATE ON provider_memberships BEGIN
    INSERT INTO changes (user_id) VALUES (OLD.user_id), (NEW.user_id);
END;
CREATE TRIGGER provider_memberships_note_delete AFTER DELETE ON provider_memberships BEGIN
    INSERT INTO changes (user_id) VALUES (OLD.user_id);
END;

CREATE TRIGGER manual_memberships_note_insert AFTER INSERT ON manual_memberships BEGIN
    INSERT INTO changes (user_id) VALUES (NEW.user_id);
END;
CREATE TRIGGER manual_memberships_note_update AFTER UPDATE ON manual_memberships BEGIN
    INSERT INTO changes (user_id) VALUES (OLD.user_id), (NEW.user_id);
END;
CREATE TRIGGER manual_memberships_note_delete AFTER DELETE ON manual_memberships BEGIN
    INSERT INTO changes (user_id) VALUES (OLD.user_id);
END;

CREATE TRIGGER admin_overrides_note_insert AFTER INSERT ON admin_overrides BEGIN
    INSERT INTO changes (user_id) VALUES (NEW.user_id);
END;
CREATE TRIGGER admin_overrides_note_update AFTER UPDATE ON admin_overrides BEGIN
    INSERT INTO changes (user_id) VALUES (OLD.user_id), (NEW.user_id);
END;
CREATE TRIGGER admin_overrides_note_delete AFTER DELETE ON admin_overrides BEGIN
    INSERT INTO changes (user_id) VALUES (OLD.user_id);
END;

CREATE TRIGGER ended_sessions_note_insert AFTER INSERT ON ended_sessions BEGIN
    INSERT INTO changes (user_id) VALUES (NEW.user_id);
END;
CREATE TRIGGER ended_sessions_note_update AFTER UPDATE ON ended_sessions BEGIN
    INSERT INTO changes (user_id) VALUES (OLD.user_id), (NEW.user_id);
END;

-- A sign-in that only moves last_sign_in_at changes nobody's standing.
CREATE TRIGGER users_note_update AFTER UPDATE ON users
WHEN (OLD.email, OLD.name, OLD.disabled_at, OLD.sessions_not_before)
    IS NOT (NEW.email, NEW.name, NEW.disabled_at, NEW.sessions_not_before)
BEGIN
    INSERT INTO changes (user_id) VALUES (NEW.id);
END;
CREATE TRIGGER users_note_delete AFTER DELETE ON users BEGIN
    INSERT INTO changes (user_id) VALUES (OLD.id);
END;

-- Where one row concerns any number of people. A new group has nobody in it yet; a new tenant is open to every admin.
CREATE TRIGGER groups_note_update AFTER UPDATE ON groups BEGIN
    INSERT INTO changes (user_id) VALUES (NULL);
END;
CREATE TRIGGER groups_note_delete AFTER DELETE ON groups BEGIN
    INSERT INTO changes (user_id) VALUES (NULL);
END;
CREATE TRIGGER provider_groups_note_update AFTER UPDATE ON provider_groups BEGIN
    INSERT INTO changes (user_id) VALUES (NULL);
END;
CREATE TRIGGER provider_groups_note_delete AFTER DELETE ON provider_groups BEGIN
    INSERT INTO changes (user_id) VALUES (NULL);
END;
CREATE TRIGGER group_tenants_note_insert AFTER INSERT ON group_tenants BEGIN
    INSERT INTO changes (user_id) VALUES (NULL);
END;
CREATE TRIGGER group_tenants_note_update AFTER UPDATE ON group_tenants BEGIN
    INSERT INTO changes (user_id) VALUES (NULL);
END;
CREATE TRIGGER group_tenants_note_delete AFTER DELETE ON group_tenants BEGIN
    INSERT INTO changes (user_id) VALUES (NULL);
END;
CREATE TRIGGER admin_groups_note_insert AFTER INSERT ON admin_groups BEGIN
    INSERT INTO changes (user_id) VALUES (NULL);
END;
CREATE TRIGGER admin_groups_note_update AFTER UPDATE ON admin_groups BEGIN
    INSERT INTO changes (user_id) VALUES (NULL);
END;
CREATE TRIGGER admin_groups_note_delete AFTER DELETE ON admin_groups BEGIN
    INSERT INTO changes (user_id) VALUES (NULL);
END;
CREATE TRIGGER admin_roles_note_insert AFTER INSERT ON admin_roles BEGIN
    INSERT INTO changes (user_id) VALUES (NULL);
END;
CREATE TRIGGER admin_roles_note_update AFTER UPDATE ON admin_roles BEGIN
    INSERT INTO changes (user_id) VALUES (NULL);
END;
CREATE TRIGGER admin_roles_note_delete AFTER DELETE ON admin_roles BEGIN
    INSERT INTO changes (user_id) VALUES (NULL);
END;
CREATE TRIGGER tenants_note_insert AFTER INSERT ON tenants BEGIN
    INSERT INTO changes (user_id) VALUES (NULL);
END;
CREATE TRIGGER tenants_note_delete AFTER DELETE ON tenants BEGIN
    INSERT INTO changes (user_id) VALUES (NULL);
END;
