-- The requirements of routers, as requests of signed-in people showed them; as on Postgres, see there.

CREATE TABLE requirements (
    host TEXT NOT NULL,
    query TEXT NOT NULL,
    seen_at INTEGER NOT NULL,
    CONSTRAINT requirements_pkey PRIMARY KEY (host, query)
) STRICT, WITHOUT ROWID;
CREATE INDEX requirements_seen_at_idx ON requirements (seen_at);
