# shellcheck shell=bash
# Sourced by the scripts that run programs of PyPI.

# Prints a Python of a version that Open WebUI supports.
find_python() {
  local python
  for python in python3.12 python3.11 python3; do
    if "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; then
      echo "$python"
      return
    fi
  done
  return 1
}

# need_python: sets `python`, or adds its name to `missing` (script/tools.sh).
need_python() {
  need_debian python3 python3
  if python=$(find_python); then
    "$python" -c 'import ensurepip' 2>/dev/null || need_debian venv python3-venv python3-pip
  else
    missing+=("Python 3.11 or 3.12")
  fi
}

# need_environment FILE [OPTION...]: creates a virtual environment of `python` with exactly the packages of FILE, and prints
# its folder, which is named for the file, or for the folder of a `requirements.txt`. The options are for pip.
need_environment() {
  local file=$1 name folder
  shift
  name=$(basename "${file%/requirements.txt}" .txt)
  folder=$GATEPOST_CACHE/$name-$({ "$python" --version; cat "$file"; } | sha256sum | cut -c1-16)
  if [ ! -e "$folder/complete" ]; then
    mkdir -p "$GATEPOST_CACHE"
    exec 9>"$GATEPOST_CACHE/$name.lock"
    flock 9
    if [ ! -e "$folder/complete" ]; then
      echo "installing $name from PyPI" >&2
      # Whoever calls it may not stop at errors.
      rm -rf "$folder" &&
        "$python" -m venv "$folder" >&2 &&
        "$folder/bin/pip" install --quiet --disable-pip-version-check --no-deps --no-compile --only-binary :all: \
          "$@" --requirement "$file" >&2 &&
        touch "$folder/complete" || return 1
    fi
  fi
  echo "$folder"
}
