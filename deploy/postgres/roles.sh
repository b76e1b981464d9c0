#!/bin/sh
# The roles of Gatepost's database, none of them a superuser:
#
#   gatepost_owner    Gatepost itself: owns the database and its own objects in it
#   gatepost_backup   can only read
#   gatepost_views_reader, gatepost_views_writer   for programs that use the three views
#
# Postgres' image runs this when it creates the database. Run it again to update an older database or the passwords.
# Connection as for libpq; POSTGRES_USER is the superuser, POSTGRES_DB the database, as for the image.
set -eu

: "${POSTGRES_USER:?POSTGRES_USER is not set}" "${POSTGRES_DB:?POSTGRES_DB is not set}"
: "${OWNER_PASSWORD_FILE:?OWNER_PASSWORD_FILE is not set}"
: "${BACKUP_PASSWORD_FILE:?BACKUP_PASSWORD_FILE is not set}"
if [ -z "${PGPASSWORD:-}" ] && [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then
  PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE")
  export PGPASSWORD
fi
export OWNER_PASSWORD_FILE BACKUP_PASSWORD_FILE

# psql reads the passwords itself, because every process can see arguments.
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" <<'SQL'
\set owner_password `cat "$OWNER_PASSWORD_FILE"`
\set backup_password `cat "$BACKUP_PASSWORD_FILE"`
BEGIN;

SELECT format('CREATE ROLE %I', name) FROM unnest(ARRAY['gatepost_owner', 'gatepost_backup',
    'gatepost_views_reader', 'gatepost_views_writer']) AS wanted(name)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec
ALTER ROLE gatepost_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'owner_password';
ALTER ROLE gatepost_backup LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'backup_password';
GRANT pg_read_all_data TO gatepost_backup;

ALTER DATABASE :"DBNAME" OWNER TO gatepost_owner;
SELECT 'ALTER SCHEMA gatepost OWNER TO gatepost_owner' FROM pg_namespace WHERE nspname = 'gatepost' \gexec
SELECT format('ALTER TABLE %s OWNER TO gatepost_owner', c.oid::regclass) FROM pg_class c
WHERE c.relnamespace = to_regnamespace('gatepost') AND c.relkind IN ('r', 'v') \gexec
SELECT format('ALTER FUNCTION %s OWNER TO gatepost_owner', p.oid::regprocedure) FROM pg_proc p
WHERE p.pronamespace = to_regnamespace('gatepost') \gexec
-- The three views are in another schema; they are found by the functions that their triggers call.
SELECT DISTINCT format('ALTER VIEW %s OWNER TO gatepost_owner', c.oid::regclass) FROM pg_trigger t
JOIN pg_proc p ON p.oid = t.tgfoid AND p.pronamespace = to_regnamespace('gatepost')
JOIN pg_class c ON c.oid = t.tgrelid AND c.relkind = 'v' \gexec

COMMIT;
SQL
echo "roles: gatepost_owner owns $POSTGRES_DB; gatepost_backup can read it"
