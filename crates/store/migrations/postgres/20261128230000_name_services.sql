-- The upstream of GATEPOST_SERVICES at which the list filter reaches a tool server.

SET LOCAL search_path TO gatepost, pg_temp;

ALTER TABLE tool_servers ADD COLUMN service text;
COMMENT ON COLUMN tool_servers.service IS 'A name in GATEPOST_SERVICES, never an address. NULL: its lists are not filtered.';
