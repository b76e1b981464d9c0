-- What an administrator refused stays refused; as on Postgres, see there.

CREATE TABLE refused_names (
    kind TEXT NOT NULL CONSTRAINT refused_names_kind_check CHECK (kind IN ('domain', 'host')),
    name TEXT NOT NULL,
    refused_at INTEGER NOT NULL,
    CONSTRAINT refused_names_pkey PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;

INSERT INTO refused_names (kind, name, refused_at)
SELECT DISTINCT 'host', host, unixepoch() FROM tenant_hosts WHERE state = 'refused'
UNION ALL
SELECT DISTINCT 'domain', domain, unixepoch() FROM tenant_domains WHERE state = 'refused';
