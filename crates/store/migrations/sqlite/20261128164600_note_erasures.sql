-- People who were erased; as on Postgres, see there.

CREATE TABLE erasures (
    user_id TEXT NOT NULL CONSTRAINT erasures_pkey PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
