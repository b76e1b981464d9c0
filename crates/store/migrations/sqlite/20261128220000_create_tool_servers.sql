-- Servers that speak the Model Context Protocol, and who may use which of their tools; as on Postgres, see there.

CREATE TABLE tool_servers (
    id TEXT NOT NULL CONSTRAINT tool_servers_pkey PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    url TEXT NOT NULL CONSTRAINT tool_servers_url_key UNIQUE,
    name TEXT,
    provider TEXT,
    audience TEXT,
    scopes TEXT NOT NULL DEFAULT '[]',
    mode TEXT NOT NULL DEFAULT 'body' CONSTRAINT tool_servers_mode_check CHECK (mode IN ('body', 'headers')),
    documentation TEXT,
    is_default INTEGER NOT NULL DEFAULT 0 CONSTRAINT tool_servers_is_default_check CHECK (is_default IN (0, 1)),
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    CONSTRAINT tool_servers_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX tool_servers_tenant_id_idx ON tool_servers (tenant_id);

CREATE TABLE tool_rules (
    id TEXT NOT NULL CONSTRAINT tool_rules_pkey PRIMARY KEY,
    tool_server_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    group_id INTEGER,
    kind TEXT NOT NULL CONSTRAINT tool_rules_kind_check CHECK (kind IN ('tool', 'prompt', 'resource')),
    pattern TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT tool_rules_subject_check CHECK (group_id IS NULL OR subject = 'group'),
    CONSTRAINT tool_rules_tool_server_id_fkey FOREIGN KEY (tool_server_id) REFERENCES tool_servers (id) ON DELETE CASCADE,
    CONSTRAINT tool_rules_group_id_fkey FOREIGN KEY (group_id) REFERENCES groups (id) ON DELETE SET NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX tool_rules_subject_key ON tool_rules (tool_server_id, kind, pattern, subject) WHERE subject <> 'group';
CREATE UNIQUE INDEX tool_rules_group_key ON tool_rules (tool_server_id, kind, pattern, group_id) WHERE group_id IS NOT NULL;
CREATE INDEX tool_rules_group_id_idx ON tool_rules (group_id) WHERE group_id IS NOT NULL;

CREATE TRIGGER tool_servers_count_version AFTER UPDATE OF url, name, provider, audience, scopes, mode, documentation, is_default ON tool_servers
WHEN (OLD.url, OLD.name, OLD.provider, OLD.audience, OLD.scopes, OLD.mode, OLD.documentation, OLD.is_default)
    IS NOT (NEW.url, NEW.name, NEW.provider, NEW.audience, NEW.scopes, NEW.mode, NEW.documentation, NEW.is_default) BEGIN
    UPDATE tool_servers SET version = OLD.version + 1 WHERE id = NEW.id;
END;
CREATE TRIGGER tool_servers_note_insert AFTER INSERT ON tool_servers BEGIN
    INSERT INTO changes (user_id) VALUES (NULL);
END;
CREATE TRIGGER tool_servers_note_update AFTER UPDATE ON tool_servers BEGIN
    INSERT INTO changes (user_id) VALUES (NULL);
END;
CREATE TRIGGER tool_servers_note_delete AFTER DELETE ON tool_servers BEGIN
    INSERT INTO changes (user_id) VALUES (NULL);
END;
CREATE TRIGGER tool_rules_note_insert AFTER INSERT ON tool_rules BEGIN
    INSERT INTO changes (user_id) VALUES (NULL);
END;
CREATE TRIGGER tool_rules_note_update AFTER UPDATE ON tool_rules BEGIN
    INSERT INTO changes (user_id) VALUES (NULL);
END;
CREATE TRIGGER tool_rules_note_delete AFTER DELETE ON tool_rules BEGIN
    INSERT INTO changes (user_id) VALUES (NULL);
END;
