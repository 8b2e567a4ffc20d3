#!/bin/sh
# A rank that is stopped (SIGSTOP) is noticed by its peer's watchdog: status 79, a message that names the rank that waits, no process
# left, and the run goes on with --resume latest.
. "$(dirname -- "$0")/support/common.sh"

run=$scratch/run
# shellcheck disable=SC2086 # one word per option
"$root/launch/mpirun" 2 "$program" train --data "$demo" --run "$run" $sizes --seed 7 --watchdog 2 --checkpoint-every 1 \
  --keep 2 --max-iterations 1000000 --epochs 1000000 >"$scratch/output" 2>&1 </dev/null &
launcher=$!
trap 'kill "$launcher" 2>/dev/null || true; rm -rf "$scratch"' EXIT

has_ended() { ! kill -0 "$launcher" 2>/dev/null; }
has_saved() { ls "$run"/checkpoints/iteration-* >/dev/null 2>&1 || has_ended; }
wait_until 60 has_saved || fail "no checkpoint within 60 seconds"
has_ended && fail "training ended by itself"

# The ranks are the launcher's children; the second of them is stopped.
second=$(pgrep -P "$launcher" | sort -n | tail -n 1)
kill -STOP "$second"
wait_until 60 has_ended || fail "still running 60 seconds after a rank was stopped"
status=0
wait "$launcher" || status=$?
[ "$status" -eq 79 ] || fail "exit status $status, expected 79"
said "rank 0 of 2 on host .* has not moved for 3 seconds"
gone() { ! kill -0 "$second" 2>/dev/null; }
wait_until 10 gone || fail "the stopped rank is still there"

newest=$(find "$run/checkpoints" -mindepth 1 -maxdepth 1 -name 'iteration-*' | sort | tail -n 1 | sed 's/.*iteration-0*//')
expect 0 train 2 "$run" --seed 7 --watchdog 2 --max-iterations "$((newest + 2))" --epochs 1000000 --resume latest

passed "a stopped rank is noticed: status 79, nothing left behind, and the run can be resumed"
