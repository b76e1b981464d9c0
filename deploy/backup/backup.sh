#!/bin/sh
# Dumps Gatepost's directory, deletes old dumps, and keeps a file beside them that names what was erased.
#
#   backup.sh now        one dump, then the retention, then `erasures`
#   backup.sh daily      the same now and every 24 h; a failed one is repeated after 5 minutes. `erasures` every minute
#   backup.sh erasures   adds to the file who was erased since; restore.sh erases them again (`gatepost erasures`)
#   backup.sh fresh      succeeds if the newest dump and the last `erasures` are younger than 26 h (a health check)
#   backup.sh drill      restores the newest dump into a database that is deleted again (restore.sh --drill)
#
# Connection as for libpq (PGHOST, PGPORT, PGUSER, PGDATABASE), the password also as PGPASSWORD_FILE.
# BACKUP_DIR: folder of the dumps. BACKUP_KEEP_DAYS: days to keep them (28). The newest 3 are always kept.
# BACKUP_RECIPIENT: a public key of age (`age1...`). Each dump is encrypted for it, and only its identity opens them.
set -eu

: "${BACKUP_DIR:?BACKUP_DIR is not set}" "${PGDATABASE:?PGDATABASE is not set}"
keep_days=${BACKUP_KEEP_DAYS:-28}
recipient=${BACKUP_RECIPIENT:-}
keep_least=3
if [ -n "${PGPASSWORD_FILE:-}" ]; then
  PGPASSWORD=$(cat "$PGPASSWORD_FILE")
  export PGPASSWORD
fi
umask 077

say() { echo "backup: $*"; }
newest_first() {
  find "$BACKUP_DIR" -maxdepth 1 -type f \( -name "$PGDATABASE-*.dump" -o -name "$PGDATABASE-*.dump.age" \) "$@" | sort -r
}

dump() {
  name=$PGDATABASE-$(date -u +%Y%m%dT%H%M%SZ).dump
  draft=$BACKUP_DIR/.$name.draft
  find "$BACKUP_DIR" -maxdepth 1 -type f -name '.*.draft*' -exec rm -f {} +
  if [ -n "$recipient" ] && ! command -v age >/dev/null; then
    say "FAILED, BACKUP_RECIPIENT is set, but age is not installed here"
    return 1
  fi
  # A file gets the name of a dump only after it was written completely and read back.
  pg_dump --format=custom --no-owner --lock-wait-timeout=60s --file="$draft" &&
    pg_restore --list "$draft" >/dev/null &&
    encrypt &&
    sync "$draft" &&
    mv "$draft" "$BACKUP_DIR/$name" || { rm -f "$draft" "$draft.age"; say "FAILED, no dump was written"; return 1; }
  say "wrote $name ($(wc -c <"$BACKUP_DIR/$name") bytes)"
}

# The dump lies unencrypted beside the database until it was read back, and never under the name of a dump.
encrypt() {
  [ -n "$recipient" ] || return 0
  age --encrypt --recipient "$recipient" --output "$draft.age" "$draft" && rm -f "$draft" || return 1
  draft=$draft.age
  name=$name.age
}

# Whoever is erased after the last dump is in no dump and, if the database is lost, nowhere else.
erasures() {
  if ! command -v gatepost >/dev/null; then
    say "FAILED, gatepost is not installed here: a restore would bring back who was erased after the dump"
    return 1
  fi
  # The settings of Redis are read with those of Postgres; nothing asks it. The rest of the address is in libpq's variables.
  if ! told=$(DATABASE_URL="postgres:///$PGDATABASE" REDIS_URL=redis://127.0.0.1 gatepost erasures keep "$BACKUP_DIR" 2>&1); then
    say "FAILED, what was erased is not in the file: $told"
    return 1
  fi
  # For `fresh`: the file is complete, whether anything was added or not.
  find "$BACKUP_DIR" -maxdepth 1 -name 'erasures-*.txt' -exec touch {} +
}

forget() {
  newest_first | tail -n "+$((keep_least + 1))" | while read -r old; do
    if [ -n "$(find "$old" -mtime "+$((keep_days - 1))")" ]; then
      rm -f "$old"
      say "deleted $(basename "$old"), older than $keep_days days"
    fi
  done
}

case ${1:-} in
  now)
    failed=0
    if dump && forget; then :; else failed=1; fi
    erasures || failed=1
    exit "$failed"
    ;;
  erasures) erasures && say "$told" ;;
  daily)
    # The shell is the container's first process: without a handler it would ignore SIGTERM.
    trap 'exit 0' TERM INT
    while :; do
      if dump && forget; then minutes=1440; else minutes=5; fi
      while [ "$minutes" -gt 0 ]; do
        erasures || :
        sleep 60 &
        wait "$!"
        minutes=$((minutes - 1))
      done
    done
    ;;
  fresh)
    [ -n "$(newest_first -mmin -1560)" ] || { say "there is no dump from the last 26 h"; exit 1; }
    [ -n "$(find "$BACKUP_DIR" -maxdepth 1 -name 'erasures-*.txt' -mmin -1560)" ] ||
      { say "nobody has noted in the last 26 h what was erased"; exit 1; }
    ;;
  drill)
    newest=$(newest_first | head -n 1)
    [ -n "$newest" ] || { say "there is no dump to restore"; exit 1; }
    exec "$(dirname "$0")/restore.sh" --drill "$newest"
    ;;
  *)
    sed -n 's/^#  *\(backup.sh .*\)/\1/p' "$0" >&2
    exit 2
    ;;
esac
