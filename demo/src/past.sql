-- What a platform has in its directory after a month: people, groups, tenants, sign-ins, refusals. All of it follows from
-- the numbers of its rows, and its times count back from now.
BEGIN IMMEDIATE;

CREATE TEMP TABLE words (list TEXT NOT NULL, n INTEGER NOT NULL, word TEXT NOT NULL, PRIMARY KEY (list, n)) WITHOUT ROWID;
INSERT INTO words SELECT 'first', key, value FROM json_each('["Ada","Bruno","Chiara","Daan","Elif","Farid","Greta","Hugo",
    "Ines","Jonas","Katya","Leo","Mei","Noor","Oskar","Paula","Quentin","Rosa","Samir","Tove","Ugo","Vera","Wim","Yara"]');
INSERT INTO words SELECT 'last', key, value FROM json_each('["Albrecht","Bakker","Castillo","Dubois","Eriksen","Fontana",
    "Garcia","Hoffmann","Ivanova","Janssen","Kowalski","Lindqvist","Marino","Nakamura","Okafor","Petrov","Quist","Romano",
    "Silva","Takahashi","Urban","Varga","Weber","Zimmermann"]');

CREATE TEMP TABLE people (n INTEGER PRIMARY KEY, id TEXT NOT NULL, name TEXT NOT NULL, email TEXT NOT NULL, signs_in INTEGER NOT NULL);
INSERT INTO people
WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 179)
SELECT numbers.n, printf('0de30000-0000-4000-8000-%012x', numbers.n), f.word || ' ' || l.word,
    lower(f.word || '.' || l.word) || CASE numbers.n % 8 WHEN 0 THEN '@acme.example' WHEN 4 THEN '@globex.example' ELSE '@example.com' END,
    numbers.n % 16 <> 15
FROM numbers JOIN words f ON f.list = 'first' AND f.n = numbers.n % 24
    JOIN words l ON l.list = 'last' AND l.n = (numbers.n * 7 + numbers.n / 24) % 24;

CREATE TEMP TABLE sign_ins (n INTEGER NOT NULL, at INTEGER NOT NULL);
INSERT INTO sign_ins
WITH RECURSIVE days (day) AS (SELECT unixepoch() / 86400 - 30 UNION ALL SELECT day + 1 FROM days WHERE day < unixepoch() / 86400),
drawn AS (SELECT p.n, d.day, (p.n * 7919 + d.day * 104729 + p.n * d.day * 31) % 1000 AS chance FROM people p, days d WHERE p.signs_in)
SELECT n, day * 86400 + 21600 + chance * 53 % 36000 FROM drawn
WHERE chance < CASE WHEN (day + 4) % 7 IN (0, 6) THEN 60 ELSE 380 + n % 5 * 60 + day * 37 % 11 * 12 END
    AND day * 86400 + 21600 + chance * 53 % 36000 < unixepoch();

INSERT INTO users (id, email, name, created_at, last_sign_in_at, disabled_at)
SELECT id, email, CASE WHEN signs_in THEN name END, unixepoch() - 31 * 86400 - n * 3600,
    (SELECT max(s.at) FROM sign_ins s WHERE s.n = people.n), CASE WHEN n % 40 = 7 THEN unixepoch() - n * 7200 END
FROM people;
INSERT INTO identities (issuer, subject, provider, user_id, created_at, groups_known_at, email)
SELECT 'https://issuer.example', 'past-' || n, 'entra', id, unixepoch() - 31 * 86400, unixepoch() - 3600, email
FROM people WHERE signs_in;

-- Groups that the provider has and that Gatepost has its own names for; then those that nobody has linked yet.
INSERT OR IGNORE INTO groups (name) VALUES ('MCP-GitHub'), ('MCP-Jira'), ('MCP-Search'), ('Engineering'), ('Support'), ('Finance'),
    ('All employees'), ('Contractors'), ('Acme staff'), ('Globex staff'), ('Wiki-Editors'), ('Beta testers'), ('On call');
CREATE TEMP TABLE seen (external_id TEXT NOT NULL, name TEXT NOT NULL, source TEXT NOT NULL, one_of INTEGER NOT NULL, rest INTEGER NOT NULL);
INSERT INTO seen VALUES
    ('7d1a0001-0000-4000-8000-000000000001', 'Engineering', 'manual', 3, 1),
    ('7d1a0001-0000-4000-8000-000000000002', 'Support', 'manual', 7, 2),
    ('7d1a0001-0000-4000-8000-000000000003', 'Finance', 'auto', 11, 3),
    ('7d1a0001-0000-4000-8000-000000000004', 'All employees', 'auto', 1, 0),
    ('7d1a0001-0000-4000-8000-000000000005', 'Contractors', 'auto', 9, 4),
    ('7d1a0001-0000-4000-8000-000000000006', 'Acme staff', 'manual', 8, 0),
    ('7d1a0001-0000-4000-8000-000000000007', 'Globex staff', 'manual', 8, 4),
    ('7d1a0001-0000-4000-8000-000000000008', 'MCP-Jira', 'manual', 5, 2);
INSERT INTO provider_groups (provider, kind, external_id, display_name, group_id, source)
SELECT 'entra', 'group', s.external_id, s.name, g.id, s.source FROM seen s JOIN groups g ON g.name = s.name;
INSERT INTO provider_memberships (user_id, provider_group_id)
SELECT p.id, g.id FROM seen s JOIN provider_groups g ON g.external_id = s.external_id
    JOIN people p ON p.n % s.one_of = s.rest AND p.signs_in;
INSERT INTO manual_memberships (user_id, group_id, source, until)
SELECT p.id, g.id, 'manual', CASE WHEN p.n % 3 = 0 THEN (unixepoch() / 86400 + 1 + p.n % 9) * 86400 + 61200 END
FROM people p JOIN groups g ON g.name = CASE p.n % 12 WHEN 0 THEN 'MCP-GitHub' WHEN 3 THEN 'MCP-Search' WHEN 5 THEN 'Wiki-Editors'
    WHEN 6 THEN 'Beta testers' WHEN 8 THEN 'On call' END;

INSERT INTO tenants (id, name, created_at) VALUES
    ('acme', 'Acme Corporation', unixepoch() - 28 * 86400), ('globex', 'Globex', unixepoch() - 21 * 86400),
    ('initech', 'Initech', unixepoch() - 3 * 86400), ('platform', 'Platform team', unixepoch() - 30 * 86400);
INSERT INTO group_tenants (group_id, tenant_id, role)
SELECT g.id, m.tenant, m.role FROM groups g JOIN (
    SELECT 'Acme staff' AS name, 'acme' AS tenant, 'member' AS role UNION ALL SELECT 'Globex staff', 'globex', 'member'
    UNION ALL SELECT 'Support', 'acme', 'viewer' UNION ALL SELECT 'Support', 'globex', 'viewer'
    UNION ALL SELECT 'Engineering', 'platform', 'member') m ON m.name = g.name;
INSERT INTO tenant_members (tenant_id, user_id, role, created_at, until)
SELECT CASE p.n % 8 WHEN 0 THEN 'acme' ELSE 'globex' END, p.id, CASE WHEN p.n < 8 THEN 'admin' ELSE 'member' END, unixepoch() - 20 * 86400,
    CASE WHEN p.n % 16 = 8 THEN (unixepoch() / 86400 + 5) * 86400 + 61200 END
FROM people p WHERE p.n % 8 IN (0, 4) AND p.n < 90;
INSERT INTO admin_overrides (user_id, is_admin) SELECT id, 1 FROM people WHERE n IN (1, 2);

-- The audit of that month, in the order of its times. The second person is the administrator in it.
INSERT INTO audit_entries (at, actor, action, target, before, after, address, request_id, via, tenant_id)
SELECT at, actor, action, target, before, after, address, printf('0de3a0d1-0000-4000-8000-%012x', row_number() OVER (ORDER BY at)), via, tenant
FROM (
    SELECT s.at, p.id AS actor, 'user.sign_in' AS action, 'user:' || p.id AS target, NULL AS before,
        json_object('provider', 'entra') AS after, '203.0.113.' || (p.n % 200 + 1) AS address, 'gate' AS via, NULL AS tenant
    FROM sign_ins s JOIN people p ON p.n = s.n
    UNION ALL
    SELECT u.disabled_at, a.id, 'user.disable', 'user:' || u.id, json_object('disabled_at', NULL), json_object('disabled_at', u.disabled_at),
        '203.0.113.2', 'portal', NULL
    FROM users u JOIN people a ON a.n = 1 WHERE u.disabled_at IS NOT NULL AND u.id GLOB '0de3*'
    UNION ALL
    SELECT unixepoch() - (p.n * 5 + 2) * 14400, a.id, 'membership.create', 'user:' || p.id, NULL,
        json_object('group', g.name, 'source', 'manual', 'until', m.until), '203.0.113.2', CASE WHEN p.n % 2 THEN 'api' ELSE 'portal' END, NULL
    FROM manual_memberships m JOIN people p ON p.id = m.user_id JOIN groups g ON g.id = m.group_id JOIN people a ON a.n = 1
    WHERE p.n < 34
    UNION ALL
    SELECT t.created_at, 'cli:root', 'tenant.create', 'tenant:' || t.id, NULL, json_object('name', t.name), NULL, 'cli', t.id FROM tenants t
    UNION ALL
    SELECT m.created_at + p.n * 1800, a.id, 'tenant.add_member', 'user:' || p.id, NULL,
        json_object('tenant', m.tenant_id, 'role', m.role, 'until', m.until), '203.0.113.2', 'portal', m.tenant_id
    FROM tenant_members m JOIN people p ON p.id = m.user_id JOIN people a ON a.n = 2
    UNION ALL
    SELECT unixepoch() - 29 * 86400 + g.id * 60, 'cli:root', 'group.link', 'provider_group:entra:' || g.external_id, NULL,
        json_object('group', g.display_name, 'source', 'manual'), NULL, 'cli', NULL
    FROM provider_groups g WHERE g.source = 'manual' AND g.external_id GLOB '7d1a*'
) ORDER BY at;

-- A week of refusals.
INSERT INTO refusals (request_id, at, user_id, email, host, method, path, kind, requirement, status, reason, missing, address)
SELECT printf('0de3dead-0000-4000-8000-%012x', row_number() OVER (ORDER BY s.at)), s.at + 120, p.id, p.email, 'github.localhost', 'GET',
    CASE p.n % 3 WHEN 0 THEN '/' WHEN 1 THEN '/issues' ELSE '/pulls/' || p.n END, 'navigation', 'group=MCP-GitHub', 403, 'group_missing',
    json_object('groups', json_array('MCP-GitHub'), 'tenants', json_array(), 'admin', json('false')), '203.0.113.' || (p.n % 200 + 1)
FROM sign_ins s JOIN people p ON p.n = s.n WHERE s.at > unixepoch() - 6 * 86400 AND (p.n * 13 + s.at) % 23 = 0 AND p.n % 12 <> 0;

COMMIT;
