-- What the lists of administrators read by.

SET LOCAL search_path TO gatepost, pg_temp;

CREATE INDEX users_disabled_idx ON users (id) WHERE disabled_at IS NOT NULL;
CREATE INDEX users_awaited_idx ON users (id) WHERE last_sign_in_at IS NULL;
CREATE INDEX manual_memberships_members_idx ON manual_memberships (group_id, user_id);
CREATE INDEX provider_memberships_members_idx ON provider_memberships (provider_group_id, user_id);
CREATE INDEX provider_groups_external_id_idx ON provider_groups (external_id);
