-- Whether this store is half of a copy; as on Postgres, see there.

CREATE TABLE copy_state (
    id INTEGER CONSTRAINT copy_state_pkey PRIMARY KEY CONSTRAINT copy_state_id_check CHECK (id = 1),
    state TEXT NOT NULL CONSTRAINT copy_state_state_check CHECK (state IN ('copying', 'copied', 'moved')),
    peer TEXT NOT NULL,
    digest BLOB,
    last_audit_id INTEGER,
    at INTEGER NOT NULL
) STRICT;
