-- The upstream of GATEPOST_SERVICES at which the list filter reaches a tool server; as on Postgres, see there.

ALTER TABLE tool_servers ADD COLUMN service TEXT;

DROP TRIGGER tool_servers_count_version;
CREATE TRIGGER tool_servers_count_version AFTER UPDATE OF url, name, provider, audience, scopes, mode, documentation, is_default, service ON tool_servers
WHEN (OLD.url, OLD.name, OLD.provider, OLD.audience, OLD.scopes, OLD.mode, OLD.documentation, OLD.is_default, OLD.service)
    IS NOT (NEW.url, NEW.name, NEW.provider, NEW.audience, NEW.scopes, NEW.mode, NEW.documentation, NEW.is_default, NEW.service) BEGIN
    UPDATE tool_servers SET version = OLD.version + 1 WHERE id = NEW.id;
END;
