-- A membership that has ended says nothing about a group any more: a group that nobody linked, and whose only memberships
-- by an administrator have ended, leaves its name as if they had been deleted.

SET LOCAL search_path TO gatepost, pg_temp;

CREATE OR REPLACE VIEW automatic_names AS
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
    AND (m.until IS NULL OR m.until > floor(extract(epoch FROM statement_timestamp()))::bigint))
AND NOT EXISTS (SELECT 1 FROM group_tenants t WHERE t.group_id = g.id);

CREATE OR REPLACE FUNCTION group_with_name(wanted text) RETURNS bigint LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    bearer bigint;
    squatter record;
BEGIN
    IF NOT coalesce(is_group_name(wanted), false) THEN
        RAISE EXCEPTION 'group_name % is no group name: expected 1 to 256 characters, no control characters, no space at the ends',
            quote_nullable(wanted) USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT id INTO bearer FROM groups WHERE name = wanted;
    -- One index at a time: many rows come at once, and few names are those of automatic groups.
    IF bearer IS NOT NULL AND EXISTS (SELECT 1 FROM provider_groups p WHERE p.group_id = bearer AND p.source = 'auto')
        AND NOT EXISTS (SELECT 1 FROM manual_memberships m WHERE m.group_id = bearer
            AND (m.until IS NULL OR m.until > unix_now()))
    THEN
        SELECT * INTO squatter FROM automatic_names a WHERE a.name = wanted;
        IF FOUND THEN
            UPDATE groups SET name = squatter.other_name WHERE id = bearer AND name = wanted;
            IF FOUND THEN
                PERFORM write_audit('group.rename', 'provider_group:' || squatter.provider || ':'
                    || CASE squatter.kind WHEN 'role' THEN 'role:' ELSE '' END || squatter.external_id,
                    json_build_object('group', wanted), json_build_object('group', squatter.other_name));
            END IF;
            SELECT id INTO bearer FROM groups WHERE name = wanted;
        END IF;
    END IF;
    IF bearer IS NOT NULL THEN
        RETURN bearer;
    END IF;
    INSERT INTO groups (name) VALUES (wanted) ON CONFLICT (name) DO NOTHING RETURNING id INTO bearer;
    IF bearer IS NULL THEN
        SELECT id INTO STRICT bearer FROM groups WHERE name = wanted;
    ELSE
        PERFORM write_audit('group.create', 'group:' || wanted, NULL, NULL);
    END IF;
    RETURN bearer;
END
$$;
