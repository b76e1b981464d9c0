-- The words by which administrators find a person: the address, its parts, and the words of the name, in lower case. A
-- prefix of a word is found by the index, which a part of a column is not.

SET LOCAL search_path TO gatepost, pg_temp;

CREATE TABLE user_words (
    word text COLLATE "C" NOT NULL,
    user_id text NOT NULL,
    CONSTRAINT user_words_pkey PRIMARY KEY (word, user_id),
    CONSTRAINT user_words_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX user_words_user_id_idx ON user_words (user_id, word);

-- At most 40, because names come from providers.
CREATE FUNCTION words_of_person(email text, name text) RETURNS SETOF text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT DISTINCT left(word, 254) FROM (
        SELECT word FROM (
            SELECT $1 AS word
            UNION ALL
            SELECT string_to_table(translate(lower(concat($1, ' ', $2)), '.-_+@,;()"''/', '            '), ' ')
        ) AS every WHERE word <> '' LIMIT 40
    ) AS few
$$;

CREATE FUNCTION note_words() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        DELETE FROM user_words WHERE user_id = NEW.id;
    END IF;
    INSERT INTO user_words (word, user_id) SELECT word, NEW.id FROM words_of_person(NEW.email, NEW.name) AS word;
    RETURN NULL;
END
$$;
CREATE TRIGGER note_words AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION note_words();
CREATE TRIGGER note_new_words AFTER UPDATE ON users FOR EACH ROW
    WHEN ((OLD.email, OLD.name) IS DISTINCT FROM (NEW.email, NEW.name)) EXECUTE FUNCTION note_words();

INSERT INTO user_words (word, user_id) SELECT word, u.id FROM users u, words_of_person(u.email, u.name) AS word;

REVOKE EXECUTE ON FUNCTION words_of_person(text, text), note_words() FROM PUBLIC;

-- Gatepost may run as a role that owns nothing: whoever writes people writes this too.
DO $$
DECLARE
    writer regrole;
BEGIN
    FOR writer IN
        SELECT DISTINCT granted.grantee FROM pg_class c, aclexplode(c.relacl) AS granted
        WHERE c.oid = 'users'::regclass AND granted.grantee NOT IN (0, c.relowner) AND granted.privilege_type = 'UPDATE'
    LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON user_words TO %s', writer);
        EXECUTE format('GRANT EXECUTE ON FUNCTION words_of_person(text, text) TO %s', writer);
    END LOOP;
END
$$;
