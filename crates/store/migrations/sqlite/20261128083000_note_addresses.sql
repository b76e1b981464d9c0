-- What a provider calls a person now, and who had an address before; as on Postgres, see there.

ALTER TABLE identities ADD COLUMN email TEXT;
CREATE INDEX identities_email_idx ON identities (email);

CREATE TABLE former_addresses (
    email TEXT NOT NULL CONSTRAINT former_addresses_pkey PRIMARY KEY,
    user_id TEXT NOT NULL,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO former_addresses (email, user_id, until)
SELECT json_extract(before, '$.email'), substr(target, 6), at FROM audit_entries
WHERE action IN ('user.change_address', 'user.release_address') AND json_extract(before, '$.email') IS NOT NULL
ORDER BY at, id
ON CONFLICT (email) DO UPDATE SET user_id = excluded.user_id, until = excluded.until;
