-- What the lists of administrators read by. Indexes of memberships by group hold the rest of the key already.

CREATE INDEX users_disabled_idx ON users (id) WHERE disabled_at IS NOT NULL;
CREATE INDEX users_awaited_idx ON users (id) WHERE last_sign_in_at IS NULL;
CREATE INDEX provider_groups_external_id_idx ON provider_groups (external_id);
