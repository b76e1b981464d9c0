# shellcheck shell=bash
# Functions of script/test, script/demo and script/bench that install a tool, or add its name to `missing`.

missing=()
updated=
rust_wanted=1.95

# Runs a command as root, if necessary with sudo without a password.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    sudo -n "$@"
  else
    return 1
  fi
}

# need_debian PROGRAM PACKAGE...: installs the packages if the program is missing.
need_debian() {
  local program=$1
  shift
  if command -v "$program" >/dev/null; then return; fi
  if command -v apt-get >/dev/null; then
    if [ -z "$updated" ]; then
      updated=yes
      as_root apt-get update -qq || true
    fi
    echo "installing $*"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null || true
  fi
  # Debian installs the server programs of Postgres outside PATH, and venv is a module; has_postgres and has_venv find them.
  if [ "$program" != initdb ] && [ "$program" != venv ] && ! command -v "$program" >/dev/null; then
    missing+=("$program (Debian packages: $*)")
  fi
}

# need_idle_server PROGRAM: installs the package of this name if the program is missing, and ends the service that the package
# starts at once.
need_idle_server() {
  if command -v "$1" >/dev/null; then return; fi
  need_debian "$1" "$1"
  if [ -d /run/systemd/system ]; then
    as_root systemctl disable --now "$1" >/dev/null 2>&1 || true
  elif [ -x "/etc/init.d/$1" ]; then
    as_root "/etc/init.d/$1" stop >/dev/null 2>&1 || true
  fi
}

has_postgres() { command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }

has_venv() { python3 -c 'import ensurepip' 2>/dev/null; }

rust_is_new() {
  local version
  command -v cargo >/dev/null && version=$(rustc --version 2>/dev/null) || return 1
  version=$(cut -d' ' -f2 <<<"$version")
  [ "$(printf '%s\n%s\n' "$rust_wanted" "$version" | sort -V | head -n 1)" = "$rust_wanted" ]
}

# need_rust COMPONENT...: installs a recent enough toolchain with these components, with rustup.
need_rust() {
  if ! rust_is_new; then
    if command -v rustup >/dev/null; then
      echo "updating Rust"
      rustup toolchain install stable --profile minimal || true
      export RUSTUP_TOOLCHAIN=stable
    elif command -v curl >/dev/null; then
      echo "installing Rust by rustup"
      curl --proto '=https' --tlsv1.2 -fsSL --connect-timeout 20 https://sh.rustup.rs |
        sh -s -- -y --no-modify-path --profile minimal --default-toolchain stable || true
      PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
      hash -r
    fi
  fi
  rust_is_new || { missing+=("Rust >= $rust_wanted (https://rustup.rs)"); return; }
  local component
  for component in "$@"; do
    cargo "${component/rustfmt/fmt}" --version >/dev/null 2>&1 && continue
    rustup component add "$component" || missing+=("$component (rustup component add $component)")
  done
}

# need_cargo_tool CRATE VERSION: builds the program of exactly this version of the crate into the cache folder.
need_cargo_tool() {
  local crate=$1 version=$2
  command -v cargo >/dev/null || return
  if [ -n "$(find "$GATEPOST_CACHE/tools/bin" -name "$crate" 2>/dev/null)" ] &&
    grep -qs "^\"$crate $version " "$GATEPOST_CACHE/tools/.crates.toml"; then
    return
  fi
  echo "installing $crate; the first time this takes some minutes"
  CARGO_TARGET_DIR=$GATEPOST_CACHE/tools-target \
    cargo install --locked --quiet "$crate" --version "$version" --root "$GATEPOST_CACHE/tools" ||
    missing+=("$crate (cargo install --locked $crate --version $version)")
  rm -rf "$GATEPOST_CACHE/tools-target"
}

need_cargo_deny() {
  if cargo deny --version >/dev/null 2>&1; then return; fi
  need_cargo_tool cargo-deny 0.20.2
}

# locked_version CRATE: prints the version in Cargo.lock.
locked_version() { sed -n "/^name = \"$1\"$/{n;s/^version = \"\(.*\)\"/\1/p}" Cargo.lock; }

report_missing() {
  local name
  for name in "${missing[@]}"; do echo "missing: $name"; done
}
