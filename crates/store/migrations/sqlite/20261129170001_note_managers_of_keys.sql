-- Who set an API key last; as on Postgres, see there.

ALTER TABLE keys ADD COLUMN managed_by TEXT;
