#!/bin/sh
# SIGUSR1 to mpirun stops all ranks at one iteration with everything saved (75); resumed from there, the run goes on
# byte for byte as if it had not been stopped.
. "$(dirname -- "$0")/support/common.sh"

running() { kill -0 "$launcher" 2>/dev/null; }
has_ended() { ! running; }
has_begun() { [ -s "$run/metrics.jsonl" ] || has_ended; }

run=$scratch/run
set -- --seed 7 --checkpoint-every 1000000
# mpirun itself in the background (not a function around it): the signal must reach that process.
# shellcheck disable=SC2086 # one word per option
"$root/launch/mpirun" 2 "$program" train --data "$demo" --run "$run" $sizes "$@" --max-iterations 1000000 \
  --epochs 1000000 >"$scratch/output" 2>&1 </dev/null &
launcher=$!
trap 'kill "$launcher" 2>/dev/null || true; rm -rf "$scratch"' EXIT

wait_until 60 has_begun || fail "no iteration within 60 seconds"
running || fail "training ended before the signal"
kill -USR1 "$launcher"
wait_until 60 has_ended || fail "still running 60 seconds after SIGUSR1"
status=0
wait "$launcher" || status=$?
[ "$status" -eq 75 ] || fail "exit status $status after SIGUSR1, expected 75"

saved=$(find "$run/checkpoints" -mindepth 1 -maxdepth 1 -name 'iteration-*' | sort | tail -n 1)
[ -n "$saved" ] || fail "nothing was saved"
stopped=$(basename "$saved" | sed 's/^iteration-0*//')
lines=$(wc -l <"$run/metrics.jsonl")
[ "$lines" -eq "$stopped" ] || fail "$lines iterations in metrics.jsonl, but the checkpoint is of $stopped"

last=$((stopped + 2))
expect 0 train 2 "$run" "$@" --epochs 1000000 --max-iterations "$last" --resume latest
expect 0 train 2 "$scratch/whole" "$@" --epochs 1000000 --max-iterations "$last"
expect_same_state "$(checkpoint "$scratch/whole" "$last")" "$(checkpoint "$run" "$last")"

passed "SIGUSR1 saved and stopped two ranks (75), and the resumed run equals an uninterrupted one"
