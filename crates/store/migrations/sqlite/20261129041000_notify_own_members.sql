-- Answers of the gate name a tenant by itself once it has a member of its own. So the first and the last one concern
-- everybody who may enter the tenant, also by a group.

CREATE TRIGGER tenant_members_note_first AFTER INSERT ON tenant_members
WHEN NOT EXISTS (SELECT 1 FROM tenant_members WHERE tenant_id = NEW.tenant_id AND user_id <> NEW.user_id) BEGIN
    INSERT INTO changes (user_id) VALUES (NULL);
END;
CREATE TRIGGER tenant_members_note_last AFTER DELETE ON tenant_members
WHEN NOT EXISTS (SELECT 1 FROM tenant_members WHERE tenant_id = OLD.tenant_id) BEGIN
    INSERT INTO changes (user_id) VALUES (NULL);
END;
