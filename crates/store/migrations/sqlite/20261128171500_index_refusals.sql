-- For the page of a person, which shows their last refusals.

CREATE INDEX refusals_user_id_idx ON refusals (user_id, id);
