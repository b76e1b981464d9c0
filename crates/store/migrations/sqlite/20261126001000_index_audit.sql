-- The audit as `gatepost audit list` reads it: newest first, by who did it, what was done, or which request.

CREATE INDEX audit_entries_at_idx ON audit_entries (at, id);
CREATE INDEX audit_entries_actor_idx ON audit_entries (actor, at, id);
CREATE INDEX audit_entries_action_idx ON audit_entries (action, at, id);
CREATE INDEX audit_entries_request_id_idx ON audit_entries (request_id) WHERE request_id IS NOT NULL;
