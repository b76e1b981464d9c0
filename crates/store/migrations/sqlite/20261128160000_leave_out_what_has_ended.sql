-- A membership that has ended says nothing about a group any more; as on Postgres, see there.

DROP VIEW automatic_names;
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
AND NOT EXISTS (SELECT 1 FROM manual_memberships m WHERE m.group_id = g.id
    AND (m.until IS NULL OR m.until > unixepoch()))
AND NOT EXISTS (SELECT 1 FROM group_tenants t WHERE t.group_id = g.id);
