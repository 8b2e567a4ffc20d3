#!/bin/sh
# Sourced by the end-to-end checks: a fresh folder with demo data, and how to train on it.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$CEGZSL" demo-data --out "$folder/data" >/dev/null

fail() {
  echo "FAILED: $1" >&2
  exit 1
}

# train RANKS RUN [OPTION ...]: small widths, so that a run takes a second.
train() {
  ranks=$1
  run=$2
  shift 2
  launch/mpirun "$ranks" "$CEGZSL" train --data "$folder/data" --run "$folder/$run" --preset tiny \
    --synthetic-per-class 20 --classifier-epochs 2 "$@"
}

# expect STATUS WHAT COMMAND...: runs a command that must end with this status; its output is in $folder/output.
expect() {
  expected=$1
  what=$2
  shift 2
  status=0
  "$@" >"$folder/output" 2>&1 || status=$?
  if [ "$status" -ne "$expected" ]; then
    cat "$folder/output" >&2
    fail "$what: status $status instead of $expected"
  fi
}
