#!/bin/sh
# Creates the folders and secrets that docker-compose.hetzner.yml mounts. Run it once as root in the folder of the Compose
# file. It does not change existing files.
set -eu

cd "$(dirname "$0")/.."
umask 077

folder() { # folder NAME OWNER MODE
  mkdir -p "$1"
  if [ "$(id -u)" -eq 0 ]; then chown "$2" "$1"; fi
  chmod "$3" "$1"
}

# Only root can enter the folder. The files have mode 444, because containers mount single files and run as other users.
secret() { # secret NAME VALUE
  if [ ! -e "secrets/$1" ]; then
    printf '%s\n' "$2" >"secrets/.$1.draft"
    chmod 444 "secrets/.$1.draft"
    mv "secrets/.$1.draft" "secrets/$1"
    echo "created secrets/$1"
  fi
}

random() { head -c 32 /dev/urandom | base64 | tr -d '\n'; }
random_hex() { head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n'; }

folder secrets 0:0 700
folder certs 0:0 700
folder certs/gatepost 10001:10001 700
folder certs/traefik 10001:10002 2750 # Gatepost writes, Traefik reads
folder acme 10002:10002 700
folder backups 70:70 700

# Gatepost gets the owner's password, `backup` its own. No service that runs permanently gets the superuser's.
for role in postgres postgres_owner postgres_backup; do secret "${role}_password" "$(random_hex)"; done
secret database_url "postgres://gatepost_owner:$(cat secrets/postgres_owner_password)@postgres/gatepost?sslmode=disable"
if [ ! -e secrets/redis_url ]; then
  secret redis_password "requirepass $(random_hex)"
  secret redis_url "redis://:$(cut -d' ' -f2 secrets/redis_password)@redis:6379/0"
fi
secret gatepost_keys "$(random)"
secret webui_secret_key "$(random_hex)"
secret open_webui_speaker "$(random_hex)"
secret grafana_password "$(random_hex)" # profile `monitoring`: the password of `admin`

if grep -q '://gatepost:[^@]*@postgres/' secrets/database_url; then
  echo "old: Gatepost is Postgres' superuser. How to change this: docs/operations.md, \"From an older Compose file\""
fi
for name in microsoft_client_secret github_token sentry_token; do
  if [ ! -s "secrets/$name" ]; then
    : >"secrets/$name"
    chmod 444 "secrets/$name"
    echo "empty: write the value into secrets/$name"
  fi
done
if [ "$(id -u)" -ne 0 ]; then echo "not root: the owner of the folders was not changed to the containers' users (10001, 10002, 70)"; fi
