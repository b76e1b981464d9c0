#!/bin/sh
# Starts a Redis whose configuration Sentinel may rewrite.
#
#   start.sh NAME            a primary
#   start.sh NAME PRIMARY    a replica of this host, until a Sentinel says otherwise
#
# NAME: the host name under which the others reach it. The file in REDIS_DATA (/data) says who the primary is and is kept:
# a server that was promoted or replaced comes back as what it was then. Settings come from REDIS_CONF each time.
set -eu

name=${1:?"start.sh NAME [PRIMARY]"}
primary=${2:-}
conf=${REDIS_CONF:-/etc/redis/redis.conf}
password=${REDIS_PASSWORD_FILE:-/run/secrets/redis_password}
data=${REDIS_DATA:-/data}
port=${REDIS_PORT:-6379}
file=$data/server.conf
umask 077

# What Sentinel wrote: it adds `replicaof HOST PORT`, or takes it away. A file that was never written is the first start.
role=
if [ -e "$file" ]; then
  role=$(sed -n 's/^\(replicaof\|slaveof\) /replicaof /p' "$file" | tail -n 1)
elif [ -n "$primary" ]; then
  role="replicaof $primary ${PRIMARY_PORT:-6379}"
fi
{
  echo "include $conf"
  # A primary becomes a replica after a fail-over, so every server knows the password of the others.
  sed -n 's/^requirepass /masterauth /p' "$password"
  echo "replica-announce-ip $name"
  echo "replica-announce-port $port"
  if [ -n "$role" ]; then echo "$role"; fi
} >"$file.draft"
grep -q '^masterauth ' "$file.draft" || { echo "start.sh: $password has no line 'requirepass PASSWORD'" >&2; exit 1; }
mv "$file.draft" "$file"
exec redis-server "$file"
