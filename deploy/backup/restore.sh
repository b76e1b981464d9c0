#!/bin/sh
# Restores a dump of Gatepost's directory; the present database is kept under another name.
#
#   restore.sh FILE
#
# Stop Gatepost first. Connection as for backup.sh, by a user who may create databases and roles. RESTORE_OWNER: the role
# that everything will belong to, if not that user. Nothing changes until the whole dump is in a new database and holds
# what Gatepost needs; then the two swap names. BACKUP_IDENTITY_FILE: the identity of age that opens an encrypted dump.
set -eu

file=${1:?"restore.sh FILE"}
: "${PGDATABASE:?PGDATABASE is not set}"
if [ -n "${PGPASSWORD_FILE:-}" ]; then
  PGPASSWORD=$(cat "$PGPASSWORD_FILE")
  export PGPASSWORD
fi

owner=${RESTORE_OWNER:-}

say() { echo "restore: $*"; }
die() { say "$*" >&2; exit 1; }
now=$(date -u +%Y%m%dT%H%M%SZ)
new=${PGDATABASE}_restored_$now
before=${PGDATABASE}_before_$now
sql() { psql --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 --dbname="$1" --command="$2"; }

case $file in *.age)
  : "${BACKUP_IDENTITY_FILE:?the dump is encrypted: BACKUP_IDENTITY_FILE is not set}"
  umask 077
  opened=$(mktemp "$(dirname "$file")/.opened.XXXXXX")
  trap 'rm -f "$opened"' EXIT
  age --decrypt --identity "$BACKUP_IDENTITY_FILE" --output "$opened" "$file" || die "$file cannot be opened with this identity"
  dump=$opened ;;
*) dump=$file ;;
esac
pg_restore --list "$dump" >/dev/null || die "$file is no dump, or cannot be read"
[ "$(sql postgres "SELECT count(*) FROM pg_stat_activity WHERE datname = '$PGDATABASE' AND backend_type = 'client backend'")" = 0 ] ||
  die "$PGDATABASE has open connections: stop Gatepost first"

# The roles that may read and write the views belong to the server, not to the dump.
for role in gatepost_views_reader gatepost_views_writer; do
  sql postgres "DO \$\$ BEGIN CREATE ROLE $role NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END \$\$"
done
sql postgres "CREATE DATABASE \"$new\" TEMPLATE template0${owner:+ OWNER \"$owner\"}"
fail() {
  sql postgres "DROP DATABASE IF EXISTS \"$new\""
  die "$1; nothing was changed"
}
pg_restore --dbname="$new" --no-owner ${owner:+--role="$owner"} --single-transaction --exit-on-error "$dump" || fail "the dump cannot be restored"
people=$(sql "$new" "SELECT count(*) FROM gatepost.users") || fail "the dump is not of Gatepost's directory"

if [ -n "$(sql postgres "SELECT 1 FROM pg_database WHERE datname = '$PGDATABASE'")" ]; then
  sql postgres "ALTER DATABASE \"$PGDATABASE\" RENAME TO \"$before\"" || fail "$PGDATABASE cannot be renamed"
  say "the former database is now $before"
fi
sql postgres "ALTER DATABASE \"$new\" RENAME TO \"$PGDATABASE\""
say "$PGDATABASE was restored from $(basename "$file"): $people people"
say "empty Redis before you start Gatepost: people who were disabled or signed out after the dump still have sessions there"
