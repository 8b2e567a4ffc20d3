#!/bin/sh
# Sourced by the other scripts: installs the Debian packages that building and running need, when they are missing.

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# install_packages NAME...: installs those that are missing, quietly unless it fails.
install_packages() {
  missing=""
  for package in "$@"; do
    if ! dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed'; then
      missing="$missing $package"
    fi
  done
  [ -n "$missing" ] || return 0
  command -v apt-get >/dev/null 2>&1 || {
    echo "This system has no apt-get. Install what these Debian packages hold:$missing" >&2
    exit 1
  }
  echo "installing:$missing"
  log=$(mktemp)
  # shellcheck disable=SC2086  # a list of names
  if ! { as_root apt-get update && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    echo "The packages above could not be installed." >&2
    exit 1
  fi
  rm -f "$log"
}

# What Swift itself needs to build and run, then the C libraries, Open MPI and a shell for its launcher.
install_all() {
  install_packages binutils ca-certificates git gcc g++ libc6-dev libstdc++-12-dev libgcc-12-dev libcurl4 libxml2 \
    libncurses6 libsqlite3-0 libz3-4 zlib1g-dev libedit2 libpython3.11 tzdata pkg-config make openmpi-bin libopenmpi-dev libdnnl-dev \
    libmatio-dev procps
  command -v swift >/dev/null 2>&1 || {
    echo "Swift is missing: version 6.0 or later, from https://swift.org/install, with 'swift' on PATH." >&2
    exit 1
  }
}
