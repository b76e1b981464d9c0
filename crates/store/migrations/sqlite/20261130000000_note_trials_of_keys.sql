-- A key that tries whether a tool server refuses messages whose headers and body differ; as on Postgres, see there.

ALTER TABLE keys ADD COLUMN trial_of TEXT;
