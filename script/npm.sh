# shellcheck shell=bash
# Sourced by the scripts that need a file of an npm package.

# npm_file NAME FILE: prints the path of FILE below node_modules, as tests/NAME pins it. npm installs it into the cache
# folder when the pinned version has changed. Progress goes to stderr.
npm_file() {
  local here cache source edition folder draft
  here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
  cache=${GATEPOST_CACHE:-${XDG_CACHE_HOME:-${HOME:?HOME is not set}/.cache}/gatepost}
  source=$here/tests/$1
  edition=$(sha256sum <"$source/package-lock.json" | cut -c1-16)
  folder=$cache/$1-$edition
  if [ ! -s "$folder/node_modules/$2" ]; then
    command -v npm >/dev/null || { echo "script/$1: needs npm (Debian package: npm)" >&2; return 1; }
    mkdir -p "$cache"
    exec 9>"$cache/$1.lock"
    flock 9
    if [ ! -s "$folder/node_modules/$2" ]; then
      # Whoever calls it may not stop at errors.
      draft=$(mktemp -d "$cache/$1.XXXXXX") &&
        cp "$source/package.json" "$source/package-lock.json" "$draft" &&
        (cd "$draft" && npm ci --ignore-scripts --no-audit --no-fund) >&2 &&
        rm -rf "$folder" &&
        mv "$draft" "$folder" || return 1
    fi
  fi
  echo "$folder/node_modules/$2"
}
