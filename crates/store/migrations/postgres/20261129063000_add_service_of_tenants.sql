-- The upstream to which the hosts of a tenant lead: a name in GATEPOST_SERVICES, never an address.

SET LOCAL search_path TO gatepost, pg_temp;

ALTER TABLE tenants ADD COLUMN service text;
COMMENT ON COLUMN tenants.service IS 'A name in GATEPOST_SERVICES. NULL: no router is made for the hosts of the tenant.';
