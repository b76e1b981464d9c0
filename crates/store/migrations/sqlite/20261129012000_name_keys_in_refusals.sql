-- The key by which a program sent the request for the person; as on Postgres, see there.

ALTER TABLE refusals ADD COLUMN via TEXT;
