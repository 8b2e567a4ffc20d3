#!/bin/sh
# launch/local: a killed rank (137) starts the run again from its newest checkpoint, to the bytes of a run that nothing happened to;
# restarts are bounded; other failures are passed on; a signal to the script saves and stops (75).
. "$(dirname -- "$0")/support/common.sh"
. "$(dirname -- "$0")/support/processes.sh"

iterations=300
# local_run RUN [option…]: in the background, as $launcher.
local_run() {
  local_directory=$1 local_restarts=$2
  shift 2
  # shellcheck disable=SC2086 # one word per option
  "$root/launch/local" --ranks 2 --threads 1 --max-restarts "$local_restarts" --program "$program" train --data "$demo" \
    --run "$local_directory" $sizes --seed 7 --checkpoint-every 5 --epochs 1000000 "$@" >"$scratch/output" 2>&1 </dev/null &
  launcher=$!
}
has_saved() { has_ended || ls "$run"/checkpoints/iteration-* >/dev/null 2>&1; }
started_again() { has_ended || [ "$(grep -c 'resuming' "$scratch/output")" -ge "$resumed" ]; }

expect 0 train 2 "$scratch/whole" --seed 7 --checkpoint-every 5 --epochs 1000000 --max-iterations "$iterations"

run=$scratch/run
local_run "$run" 1 --max-iterations "$iterations"
wait_until 60 has_saved || fail "no checkpoint within 60 seconds"
kill_rank KILL
resumed=1
wait_until 60 started_again || fail "not started again within 60 seconds"
wait_for_end 0
said "ended with status 137; starting again"
expect_same_state "$(checkpoint "$scratch/whole" "$iterations")" "$(checkpoint "$run" "$iterations")"

# One restart, two kills.
run=$scratch/bounded
local_run "$run" 1
wait_until 60 has_saved || fail "no checkpoint within 60 seconds"
kill_rank KILL
wait_until 60 started_again || fail "not started again within 60 seconds"
kill_rank KILL
wait_for_end 137

# Bad data stay bad data.
expect 65 "$root/launch/local" --ranks 2 --threads 1 --max-restarts 3 --program "$program" train --data "$scratch/nothing" \
  --run "$scratch/none"

# The script passes the wish to stop on, and does not start again.
for signal in USR1 TERM; do
  run=$scratch/stopped-$signal
  local_run "$run" 3
  wait_until 60 has_saved || fail "no checkpoint within 60 seconds"
  kill -"$signal" "$launcher"
  wait_for_end 75
done

passed "launch/local: killed and started again to the same bytes, bounded; 65 passed on; 75 after SIGUSR1 and SIGTERM"
