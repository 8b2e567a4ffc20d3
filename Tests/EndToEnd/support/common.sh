# shellcheck shell=sh disable=SC2034 # the variables are for the scripts that source this
# What the end-to-end scripts share; sourced: . "$(dirname "$0")/support/common.sh"
# Each script trains small networks on the demo data in a fresh directory, removes it, and prints one line
# "passed: …", or "FAILED: …" with the output of the command that went wrong.
#
# environment: CEGZSL     the program (default: the release build, made if need be)
#              DEMO_DATA  a folder made by 'cegzsl demo-data' (default: made here)

set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

program=${CEGZSL:-}
[ -n "$program" ] || program=$("$root/launch/build")
demo=${DEMO_DATA:-$scratch/demo}
[ -e "$demo/att_splits.mat" ] || "$program" demo-data --out "$demo" >/dev/null

# One thread per rank: these networks are too small for more, and three ranks run on few cores.
export OMP_NUM_THREADS=1

# Python keeps nothing beside what it imports.
export PYTHONDONTWRITEBYTECODE=1

# Networks that take milliseconds per iteration. 50 rows do not divide by 3 ranks, and 1774 rows not by 50.
sizes="--batch-size 50 --noise-size 8 --generator-width 64 --critic-width 64 --embedding-size 32 --projection-size 16 \
--comparator-width 32 --synthetic-per-class 20 --classifier-epochs 2 --evaluate-every 0"

# fail TEXT…: ends the script; shows what the last command printed.
fail() {
  printf 'FAILED: %s: %s\n' "$(basename -- "$0" .sh)" "$*"
  if [ -s "$scratch/output" ]; then
    echo "--- the last command's output:"
    tail -n 40 "$scratch/output"
  fi
  exit 1
}

# passed TEXT…: the script's last line.
passed() {
  printf 'passed: %s\n' "$*"
}

# expect STATUS COMMAND…: runs it with its output in $scratch/output; any other exit status is a failure.
expect() {
  expected=$1
  shift
  status=0
  "$@" >"$scratch/output" 2>&1 </dev/null || status=$?
  [ "$status" -eq "$expected" ] || fail "exit status $status, expected $expected: $*"
}

# said TEXT: fails unless the last command printed it (a basic regular expression).
said() {
  grep -q -e "$1" "$scratch/output" || fail "the message does not say '$1'"
}

# wait_until SECONDS COMMAND…: looks ten times a second; false if it did not come true in time.
wait_until() {
  tries=$(($1 * 10))
  shift
  while ! "$@"; do
    [ "$tries" -gt 0 ] || return 1
    tries=$((tries - 1))
    sleep 0.1
  done
}

# train RANKS RUN [option…]: the command that the scripts vary. Options after the sizes win over them.
train() {
  train_ranks=$1 train_run=$2
  shift 2
  # shellcheck disable=SC2086 # one word per option
  "$root/launch/mpirun" "$train_ranks" "$program" train --data "$demo" --run "$train_run" $sizes "$@"
}

# checkpoint RUN ITERATION: where that iteration's checkpoint lies.
checkpoint() {
  printf '%s/checkpoints/iteration-%09d' "$1" "$2"
}

# newest RUN: iteration of the newest checkpoint that has its name; 0 for none.
newest() {
  { find "$1/checkpoints" -mindepth 1 -maxdepth 1 -name 'iteration-?????????' 2>/dev/null || true; } | sort | tail -n 1 |
    sed 's/.*iteration-0*//' | awk '{ found = $1 } END { print found + 0 }'
}

# expect_same_state CHECKPOINT CHECKPOINT: parameters and optimizer state, byte for byte; also classes and classifiers where both have them.
expect_same_state() {
  for state_file in model.safetensors optimizer.safetensors classes.safetensors classifier.safetensors; do
    case $state_file in class*) if [ ! -e "$1/$state_file" ] || [ ! -e "$2/$state_file" ]; then continue; fi ;; esac
    cmp "$1/$state_file" "$2/$state_file" >"$scratch/output" 2>&1 || fail "$state_file differs between $1 and $2"
  done
}

# damage FILE: changes eight bytes in the middle of it.
damage() {
  size=$(wc -c <"$1")
  printf 'damaged!' | dd of="$1" bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null
}

# digest DIRECTORY: one line per file with its checksum.
digest() {
  (cd "$1" && find . -type f -exec sha256sum {} + | sort -k 2)
}

# losses METRICS COUNT: the losses of the first COUNT iterations, one per line as "iteration group name value".
losses() {
  awk -v count="$2" '
    function number(text, name) {
      if (!match(text, "\"" name "\"[ ]*:[ ]*[-+0-9.eE]+")) return "missing"
      text = substr(text, RSTART, RLENGTH)
      sub(/^[^:]*:[ ]*/, "", text)
      return text
    }
    function group(name, fields, i, parts, text) {
      if (match($0, "\"" name "\"[ ]*:[ ]*[{][^}]*[}]")) text = substr($0, RSTART, RLENGTH)
      split(fields, parts, " ")
      for (i = 1; i in parts; i++) print number($0, "iteration"), name, parts[i], number(text, parts[i])
    }
    NR <= count {
      group("critic", "wasserstein penalty instance class total")
      group("generator", "adversarial instance class total")
    }' "$1"
}
