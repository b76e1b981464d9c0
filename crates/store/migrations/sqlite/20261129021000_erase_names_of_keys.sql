-- Keys that were revoked are found by the time since, for their deletion. What the audit says about the keys of a person is
-- erased by the program, as on Postgres by a function.

CREATE INDEX keys_revoked_at_idx ON keys (revoked_at) WHERE revoked_at IS NOT NULL;
