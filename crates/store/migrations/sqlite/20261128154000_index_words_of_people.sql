-- The words by which administrators find a person; as on Postgres, see there. Only letters of ASCII become small here.

CREATE TABLE user_words (
    word TEXT NOT NULL,
    user_id TEXT NOT NULL,
    CONSTRAINT user_words_pkey PRIMARY KEY (word, user_id),
    CONSTRAINT user_words_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX user_words_user_id_idx ON user_words (user_id, word);

-- A text becomes a JSON list of its words: SQLite has no function that splits one.
CREATE VIEW words_of_people AS
SELECT u.id AS user_id, '[' || json_quote(coalesce(u.email, '')) || ',' || replace(json_quote(
    replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(
        lower(coalesce(u.email, '') || ' ' || coalesce(u.name, '')),
    '.', ' '), '-', ' '), '_', ' '), '+', ' '), '@', ' '), ',', ' '), ';', ' '), '(', ' '), ')', ' '), '"', ' '), '''', ' '), '/', ' ')
), ' ', '","') || ']' AS words
FROM users u;

CREATE TRIGGER users_note_words AFTER INSERT ON users BEGIN
    INSERT INTO user_words (word, user_id)
    SELECT DISTINCT substr(value, 1, 254), NEW.id FROM (
        SELECT each.value FROM words_of_people w, json_each(w.words) each WHERE w.user_id = NEW.id AND each.value <> '' LIMIT 40
    );
END;
CREATE TRIGGER users_note_new_words AFTER UPDATE OF email, name ON users
WHEN (OLD.email, OLD.name) IS NOT (NEW.email, NEW.name) BEGIN
    DELETE FROM user_words WHERE user_id = NEW.id;
    INSERT INTO user_words (word, user_id)
    SELECT DISTINCT substr(value, 1, 254), NEW.id FROM (
        SELECT each.value FROM words_of_people w, json_each(w.words) each WHERE w.user_id = NEW.id AND each.value <> '' LIMIT 40
    );
END;

INSERT INTO user_words (word, user_id)
SELECT DISTINCT substr(each.value, 1, 254), w.user_id FROM words_of_people w, json_each(w.words) each WHERE each.value <> '';
