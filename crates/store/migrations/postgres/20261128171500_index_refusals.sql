-- For the page of a person, which shows their last refusals.

SET LOCAL search_path TO gatepost, pg_temp;

CREATE INDEX refusals_user_id_idx ON refusals (user_id, id);
