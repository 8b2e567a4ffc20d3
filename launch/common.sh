# shellcheck shell=sh disable=SC2034 # the variables are for the scripts that source this
# What every script of this folder shares; sourced, never run:
#   . "$(dirname "$0")/common.sh"
# Sets `root` (the repository) and defines the functions below. Nothing happens by sourcing it.

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)

# The oldest Swift that compiles the package (swift-tools-version of Package.swift).
swift_major_needed=6

# What Swift's compiler and package manager load or call on a bare Debian 12 (its debugger needs more), then what this
# package compiles against and runs with. g++ brings the headers and start-up files that Swift's own clang looks for.
swift_packages="binutils ca-certificates g++ git libcurl4 libncurses6 libsqlite3-0 libxml2 pkg-config tzdata zlib1g-dev"
library_packages="libdnnl-dev libopenmpi-dev libssl-dev openmpi-bin openssh-client"
# The same without headers, for a folder made by launch/bundle.
runtime_packages="iproute2 libdnnl2 libgomp1 libssl3 libstdc++6 openmpi-bin openssh-client zlib1g"
contributor_packages="debootstrap iproute2 qemu-user shellcheck"

# say TEXT…: progress on standard error, which leaves standard output to results. Whether somebody reads it decides nothing.
say() {
  printf '%s\n' "$*" >&2 || true
}

# have_streams: gives the script something to write to where a stream is closed; one that nobody reads ends nothing.
have_streams() {
  [ -e /proc/self/fd/1 ] || exec >/dev/null
  [ -e /proc/self/fd/2 ] || exec 2>/dev/null
  trap '' PIPE
}

# die STATUS TEXT…: ends the script.
die() {
  die_status=$1
  shift
  printf '%s: %s\n' "$(basename -- "$0")" "$*" >&2 || true
  exit "$die_status"
}

# whole_path FILE: from the root, as it is spelt.
whole_path() {
  (CDPATH='' cd -- "$(dirname -- "$1")" && printf '%s/%s\n' "$(pwd)" "$(basename -- "$1")")
}

# usage: prints the header comment of the calling script, which is its documentation.
usage() {
  awk 'NR == 1 { next } /^#/ { sub(/^# ?/, ""); print; next } { exit }' "$0"
}

# missing_packages NAME…: those that are not installed, on one line.
missing_packages() {
  for package in "$@"; do
    state=$(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || printf '%s ' "$package"
  done
}

# as_root COMMAND…: runs it as root, through sudo where needed.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# quietly COMMAND…: shows what the command printed only if it fails, and then fails with its status.
quietly() {
  quiet_log=$(mktemp)
  quiet_status=0
  "$@" >"$quiet_log" 2>&1 </dev/null || quiet_status=$?
  if [ "$quiet_status" -ne 0 ]; then
    cat "$quiet_log" >&2
    say "failed with status $quiet_status: $*"
  fi
  rm -f "$quiet_log"
  return "$quiet_status"
}

# install_packages NAME…: installs the Debian packages that are missing; asks no archive for anything if none is.
install_packages() {
  if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg-query >/dev/null 2>&1; then
    say "$(basename -- "$0"): this is not Debian (no apt-get): make sure that these are installed under whatever name" \
      "your system gives them, with headers: Open MPI 4.1 or 5, oneDNN 2 or 3, OpenSSL 3 (libcrypto), zlib, pkg-config, a C++ library, git."
    return 0
  fi
  missing=$(missing_packages "$@")
  [ -n "$missing" ] || return 0
  [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null 2>&1 ||
    die 69 "installing packages needs root: run this script as root, or first, as root: apt-get install $missing"
  say "installing: $missing"
  lock="DPkg::Lock::Timeout=300" # another apt-get on a fresh machine (unattended upgrades) ends by itself
  quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get -o "$lock" -o Acquire::Retries=3 update ||
    die 69 "apt-get update failed: is the package archive reachable?"
  # shellcheck disable=SC2086 # one word per package
  quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get -o "$lock" -o Acquire::Retries=3 \
    install --yes --no-install-recommends $missing ||
    die 69 "could not install: $missing"
}

# require_swift: ends the script with advice unless a Swift that can build the package is on the PATH and runs.
require_swift() {
  command -v swift >/dev/null 2>&1 ||
    die 69 "Swift $swift_major_needed.0 or later is needed and no 'swift' is on the PATH: install it from" \
      "https://www.swift.org/install/linux/ (Debian 12) and add its usr/bin to the PATH."
  swift_answer=$(swift --version 2>&1) || die 69 "'swift --version' fails: $swift_answer"
  swift_major=$(printf '%s\n' "$swift_answer" | sed -n 's/.*Swift version \([0-9][0-9]*\)\..*/\1/p' | head -n 1)
  [ "${swift_major:-0}" -ge "$swift_major_needed" ] ||
    die 69 "Swift $swift_major_needed.0 or later is needed, this is: $(printf '%s\n' "$swift_answer" | head -n 1)." \
      "Install a newer one from https://www.swift.org/install/linux/."
}

# available_cores: physical cores that this process may use; a second thread per core does not speed up products.
available_cores() {
  usable=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)
  # Two hyper-threads of a core count as one, also where a batch system gave only some of the machine's.
  allowed=$(awk '/^Cpus_allowed_list:/ { print $2 }' /proc/self/status 2>/dev/null || true)
  physical=$(lscpu --parse=CPU,CORE,SOCKET 2>/dev/null | awk -F, -v allowed="$allowed" '
    BEGIN {
      parts = split(allowed, part, ",")
      for (i = 1; i <= parts; i++) {
        ends = split(part[i], range, "-")
        for (cpu = range[1] + 0; cpu <= range[ends] + 0; cpu++) may[cpu] = 1
      }
    }
    /^[0-9]/ && (parts == 0 || ($1 + 0) in may) && !seen[$2 "," $3]++ { count++ }
    END { print count + 0 }')
  if [ "$physical" -gt 0 ] && [ "$physical" -lt "$usable" ]; then usable=$physical; fi
  # A container's processor quota ("200000 100000" for two) is invisible to nproc.
  if [ -r /sys/fs/cgroup/cpu.max ]; then
    read -r quota period </sys/fs/cgroup/cpu.max
    if [ "$quota" != max ] && [ "$((quota / period))" -lt "$usable" ]; then usable=$((quota / period)); fi
  fi
  if [ "$usable" -ge 1 ]; then echo "$usable"; else echo 1; fi
}

# count_slots HOSTFILE: sets `slots`, of all hosts, and `fullest`, of the host that has most, as Open MPI counts them; ends the script
# where Open MPI would not take the file, or would take something else for a host. A name alone stands for the cores of that host, which
# are taken to be as many as here.
count_slots() {
  if [ -e "$1" ] && [ ! -f "$1" ]; then die 64 "the host file '$1' is no file: it is read several times"; fi
  [ -r "$1" ] || die 64 "cannot read the host file '$1'"
  slot_counts=$(LC_ALL=C awk -v cores="$(available_cores)" -v major="${mpi_major-}" '
    function refuse(what, cure) {
      gsub(/[\001-\037\177]/, "?", what) # nothing that a terminal would obey
      print "line " NR ": " what ": " cure
      refused = 1
      exit 1
    }
    /\r$/ { refuse("it ends as lines do in Windows", "make the file anew with tr -d '"'\\\\r'"' <FILE") }
    {
      if (NR == 1 && sub(/^\357\273\277/, ""))
        refuse("it starts with a byte order mark", "save it without one, as plain UTF-8")
      sub(/#.*/, "")
      gsub(/[ \t]*=[ \t]*/, "=")
      if (!NF) next
      name = $1
      if (name ~ /^[^:]*:[0-9]*$/) {
        match(name, /:/)
        refuse("\"" name "\" is no host", "write " substr(name, 1, RSTART - 1) " slots=" substr(name, RSTART + 1))
      }
      if (name ~ /:.*:/) refuse("Open MPI takes no IPv6 address, such as \"" name "\"", "write a name")
      if (name ~ /_/ && major == 4) refuse("Open MPI 4 takes no \"_\" in names, as in \"" name "\"", "write an address")
      if (name !~ /^([A-Za-z0-9_.-]+@)?[A-Za-z0-9_.-]+$/) refuse("\"" name "\" is no host", "a line is a name and slots=N")
      count = most = 0
      for (i = 2; i <= NF; i++) {
        key = $i; value = ""
        if (match($i, /=/)) { key = substr($i, 1, RSTART - 1); value = substr($i, RSTART + 1) }
        if (key ~ /^[0-9]+$/) refuse("Open MPI would not take \"" $i "\" for slots", "write slots=" $i)
        if (key == "username" || key == "user_name" || key == "user-name") continue
        if (key !~ /^(slots?|cpu|count|max[-_]slots|slots[-_]max|max[-_]cpu|cpu[-_]max|max[-_]count|count[-_]max)$/) {
          cure = key ~ /^[Ss][Ll][Oo][Tt][Ss]?$|^[Cc][Pp][Uu][Ss]?$/ ? "write slots=" value : "a line is a name and slots=N"
          refuse("Open MPI knows no \"" $i "\"", cure)
        }
        if (value !~ /^[0-9]+$/ || value + 0 < 1 || value + 0 > 100000)
          refuse("\"" $i "\" is no number of ranks", "write slots=N, N from 1 to 100000")
        if (key ~ /max/) most = value + 0; else count = value + 0
      }
      if (!count) count = most
      if (most && count > most) refuse("slots=" count " is more than max-slots=" most, "raise one or lower the other")
      if (count && name in given)
        refuse("\"" name "\" has slots on line " given[name] " already", "write one line with the sum of both")
      if (count) given[name] = NR
      if (!(name in slots)) order[++hosts] = name
      slots[name] += count ? count : 1
      if (!count) alone[name]++
    }
    END {
      if (refused) exit 1
      if (!hosts) { print "it names no host"; exit 1 }
      for (i = 1; i <= hosts; i++) {
        name = order[i]
        if (!(name in given) && alone[name] == 1) slots[name] = cores
        all += slots[name]
        if (slots[name] > most_slots) most_slots = slots[name]
      }
      print all, most_slots
    }' <"$1") || die 64 "host file '$1', $slot_counts"
  slots=${slot_counts% *} fullest=${slot_counts#* }
}
