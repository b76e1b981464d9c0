#!/bin/sh
# Starts one of three Sentinels for the primary called `gatepost`.
#
#   sentinel.sh NAME PRIMARY
#
# NAME: the host name under which the other Sentinels reach this one. PRIMARY: the host that is the primary at the first
# start. What the Sentinel learns is in a file in SENTINEL_DATA (/data), which is kept.
set -eu

name=${1:?"sentinel.sh NAME PRIMARY"}
primary=${2:?"sentinel.sh NAME PRIMARY"}
password=${REDIS_PASSWORD_FILE:-/run/secrets/redis_password}
data=${SENTINEL_DATA:-/data}
port=${SENTINEL_PORT:-26379}
file=$data/sentinel.conf
umask 077

secret=$(sed -n 's/^requirepass //p' "$password")
[ -n "$secret" ] || { echo "sentinel.sh: $password has no line 'requirepass PASSWORD'" >&2; exit 1; }
if [ ! -e "$file" ]; then
  cat >"$file.draft" <<CONF
bind 0.0.0.0
protected-mode no
port $port
dir $data
sentinel resolve-hostnames yes
sentinel announce-hostnames yes
sentinel announce-ip $name
sentinel announce-port $port
sentinel monitor gatepost $primary ${PRIMARY_PORT:-6379} 2
sentinel auth-pass gatepost $secret
sentinel down-after-milliseconds gatepost 1000
sentinel failover-timeout gatepost 3000
CONF
  mv "$file.draft" "$file"
else
  # The password may have been changed since.
  sed "s/^sentinel auth-pass gatepost .*/sentinel auth-pass gatepost $secret/" "$file" >"$file.draft"
  mv "$file.draft" "$file"
fi
exec redis-server "$file" --sentinel
