#!/bin/sh
# Restores a dump of Gatepost's directory, and erases again in it who was erased after the dump; the present database is kept
# under another name.
#
#   restore.sh FILE
#   restore.sh --drill FILE   restores it into a database that is deleted again, has `gatepost check` examine that, erases
#                             in it, and notes in the present database that the dump can be restored; nothing else changes
#
# Stop Gatepost before a restore, not before a drill. Connection as for backup.sh, by a user who may create databases and
# roles. RESTORE_OWNER: the role that everything will belong to, if not that user. Nothing changes until the whole dump is in
# a new database and holds what Gatepost needs; then the two swap names. BACKUP_IDENTITY_FILE: the identity of age that opens
# an encrypted dump. The opened dump is never written to a disk.
#
# Who was erased stands in a file in BACKUP_DIR, else beside FILE (`gatepost erasures`). RESTORE_ERASURES:
#   fresh   the present database is asked first, and what it knows beyond the file is added to it (the default)
#   kept    the file is used as it is: the present database is damaged
#   none    nobody is erased again: who was erased after the dump is back
set -eu

drill=
if [ "${1:-}" = --drill ]; then drill=1; shift; fi
file=${1:?"restore.sh [--drill] FILE"}
: "${PGDATABASE:?PGDATABASE is not set}"
if [ -n "${PGPASSWORD_FILE:-}" ]; then
  PGPASSWORD=$(cat "$PGPASSWORD_FILE")
  export PGPASSWORD
fi

owner=${RESTORE_OWNER:-}
folder=${BACKUP_DIR:-$(dirname "$file")}
erasures=${RESTORE_ERASURES:-fresh}

say() { echo "${drill:+drill of the }restore: $*"; }
die() { say "$*" >&2; exit 1; }
now=$(date -u +%Y%m%dT%H%M%SZ)
before=${PGDATABASE}_before_$now
new=${PGDATABASE}_restored_$now
[ -z "$drill" ] || new=${PGDATABASE}_drill_$now
# gatepost on the database $1. The settings of Redis are read with those of Postgres; nothing asks it.
gatepost_on() {
  url=postgres:///$1
  shift
  DATABASE_URL=$url REDIS_URL=redis://127.0.0.1 PGOPTIONS="${PGOPTIONS:-}${owner:+ -c role=$owner}" gatepost "$@"
}
sql() { psql --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 --dbname="$1" --command="$2"; }

case $erasures in
fresh | kept | none) ;;
*) die "RESTORE_ERASURES is $erasures: expected fresh, kept or none" ;;
esac
if [ -n "$drill" ] || [ "$erasures" != none ]; then
  command -v gatepost >/dev/null ||
    die "gatepost is not installed here, so nothing can examine the restored database, or erase in it who was erased after the dump"
fi
case $file in
*.age)
  : "${BACKUP_IDENTITY_FILE:?the dump is encrypted: BACKUP_IDENTITY_FILE is not set}"
  contents() { age --decrypt --identity "$BACKUP_IDENTITY_FILE" "$file"; }
  # Reads all of it, because what comes last tells whether the rest is what was written.
  contents >/dev/null || die "$file cannot be opened with this identity"
  ;;
*) contents() { cat "$file"; } ;;
esac
contents | pg_restore --list >/dev/null || die "$file is no dump, or cannot be read"
if [ -z "$drill" ]; then
  [ "$(sql postgres "SELECT count(*) FROM pg_stat_activity WHERE datname = '$PGDATABASE' AND backend_type = 'client backend'")" = 0 ] ||
    die "$PGDATABASE has open connections: stop Gatepost first, and the backup job"
fi

is_there() { [ -n "$(sql postgres "SELECT 1 FROM pg_database WHERE datname = '$PGDATABASE'")" ]; }
# Somebody may have been erased a moment ago, which no file knows yet. Nobody can be erased from here on: Gatepost is stopped.
if [ -z "$drill" ] && [ "$erasures" = fresh ] && is_there; then
  has_table=$(sql "$PGDATABASE" "SELECT to_regclass('gatepost.erasures') IS NOT NULL") &&
    { [ "$has_table" = f ] || gatepost_on "$PGDATABASE" erasures keep "$folder"; } ||
    die "who was erased is not known from $PGDATABASE. If it is damaged: RESTORE_ERASURES=kept takes the file in $folder as it is"
fi

# The roles that may read and write the views belong to the server, not to the dump.
for role in gatepost_views_reader gatepost_views_writer; do
  sql postgres "DO \$\$ BEGIN CREATE ROLE $role NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END \$\$"
done
drop_new() { sql postgres "DROP DATABASE IF EXISTS \"$new\""; }
fail() {
  drop_new
  die "$1; nothing was changed"
}
[ -z "$drill" ] || trap drop_new EXIT
sql postgres "CREATE DATABASE \"$new\" TEMPLATE template0${owner:+ OWNER \"$owner\"}"
contents | pg_restore --dbname="$new" --no-owner ${owner:+--role="$owner"} --single-transaction --exit-on-error || fail "the dump cannot be restored"
people=$(sql "$new" "SELECT count(*) FROM gatepost.users") || fail "the dump is not of Gatepost's directory"

[ -z "$drill" ] || gatepost_on "$new" check --store || fail "gatepost check finds errors in the restored database"
if [ "$erasures" = none ]; then
  say "nobody is erased again: who was erased after the dump is back"
else
  gatepost_on "$new" erasures apply --migrate "$folder" ||
    fail "who was erased after the dump cannot be erased again. RESTORE_ERASURES=none restores the dump without that"
  people=$(sql "$new" "SELECT count(*) FROM gatepost.users") || fail "the restored database does not answer"
fi
if [ -n "$drill" ]; then
  sql "$PGDATABASE" "INSERT INTO gatepost.backup_drills (id, dump, drilled_at)
    VALUES (1, '$(basename "$file" | tr -d "'")', extract(epoch FROM clock_timestamp())::bigint)
    ON CONFLICT (id) DO UPDATE SET dump = excluded.dump, drilled_at = excluded.drilled_at" || die "the drill went well, but could not be noted"
  say "$(basename "$file") can be restored: $people people"
  exit 0
fi

if is_there; then
  sql postgres "ALTER DATABASE \"$PGDATABASE\" RENAME TO \"$before\"" || fail "$PGDATABASE cannot be renamed"
  say "the former database is now $before"
fi
sql postgres "ALTER DATABASE \"$new\" RENAME TO \"$PGDATABASE\""
say "$PGDATABASE was restored from $(basename "$file"): $people people"
say "empty Redis before you start Gatepost: people who were disabled or signed out after the dump still have sessions there"
