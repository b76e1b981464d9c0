-- The audit as `gatepost audit list` reads it: newest first, by who did it, what was done, or which request. Without
-- these a page out of a million entries reads all of them (a third of a second and more), with them a few dozen.

SET LOCAL search_path TO gatepost, pg_temp;

CREATE INDEX audit_entries_at_idx ON audit_entries (at, id);
CREATE INDEX audit_entries_actor_idx ON audit_entries (actor, at, id);
CREATE INDEX audit_entries_action_idx ON audit_entries (action, at, id);
CREATE INDEX audit_entries_request_id_idx ON audit_entries (request_id) WHERE request_id IS NOT NULL;
