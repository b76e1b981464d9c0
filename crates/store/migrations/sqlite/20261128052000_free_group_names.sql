-- A name that an operator writes is not that of a group which somebody made at a provider: a group that nobody linked
-- leaves a name that it bears alone when a row of the views gives it to something else. It is then called
-- "provider:id"; where that is no name, or taken, the program finds a better one at the next sign-in.

-- Names that an unlinked group bears alone, without saying whose it is, and that nobody has said anything about.
CREATE VIEW automatic_names AS
SELECT g.id AS group_id, g.name, p.provider, p.kind, p.external_id,
    CASE WHEN length(p.provider) + length(g.name) < 256 AND substr(p.external_id, 1, 7) <> 'sha256-'
        AND (p.kind = 'role' OR substr(p.external_id, 1, 5) <> 'role:')
        AND NOT EXISTS (SELECT 1 FROM groups other
            WHERE other.name = p.provider || ':' || CASE p.kind WHEN 'role' THEN 'role:' ELSE '' END || p.external_id)
    THEN p.provider || ':' || CASE p.kind WHEN 'role' THEN 'role:' ELSE '' END || p.external_id
    ELSE p.provider || ':unlinked-' || p.id END AS other_name
FROM groups g
JOIN provider_groups p ON p.group_id = g.id
WHERE p.source = 'auto'
AND substr(g.name, 1, length(p.provider) + 1) <> p.provider || ':'
AND NOT EXISTS (SELECT 1 FROM provider_groups other WHERE other.group_id = g.id AND other.id <> p.id)
AND NOT EXISTS (SELECT 1 FROM manual_memberships m WHERE m.group_id = g.id)
AND NOT EXISTS (SELECT 1 FROM group_tenants t WHERE t.group_id = g.id);

DROP TRIGGER create_group;
CREATE TRIGGER create_group INSTEAD OF INSERT ON group_names BEGIN
    INSERT INTO audit_entries (at, actor, action, target, before, after)
    SELECT unixepoch(), 'db:sqlite', 'group.rename',
        'provider_group:' || provider || ':' || CASE kind WHEN 'role' THEN 'role:' ELSE '' END || external_id,
        json_object('group', name), json_object('group', other_name)
    FROM automatic_names WHERE name = NEW.name;
    UPDATE groups SET name = (SELECT other_name FROM automatic_names WHERE group_id = groups.id)
    WHERE id = (SELECT group_id FROM automatic_names WHERE name = NEW.name);
    INSERT INTO audit_entries (at, actor, action, target)
    SELECT unixepoch(), 'db:sqlite', 'group.create', 'group:' || NEW.name
    WHERE NOT EXISTS (SELECT 1 FROM groups WHERE name = NEW.name);
    INSERT INTO groups (name)
    SELECT NEW.name WHERE NOT EXISTS (SELECT 1 FROM groups WHERE name = NEW.name);
END;
