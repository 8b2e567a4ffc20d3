#!/bin/sh
# A rank that is stopped (SIGSTOP) is noticed by its peer's watchdog: status 79, a message that names the rank that waits, no process
# left, and the run goes on with --resume latest.
. "$(dirname -- "$0")/support/common.sh"
. "$(dirname -- "$0")/support/processes.sh"

run=$scratch/run
# shellcheck disable=SC2086 # one word per option
"$root/launch/mpirun" 2 "$program" train --data "$demo" --run "$run" $sizes --seed 7 --watchdog 2 --checkpoint-every 1 \
  --keep 2 --max-iterations 1000000 --epochs 1000000 >"$scratch/output" 2>&1 </dev/null &
launcher=$!
has_saved() { ls "$run"/checkpoints/iteration-* >/dev/null 2>&1 || has_ended; }
wait_until 60 has_saved || fail "no checkpoint within 60 seconds"
has_ended && fail "training ended by itself"

# The second rank is stopped.
kill_rank STOP
wait_for_end 79
said "rank 0 of 2 on host .* has not moved for 3 seconds"
gone() { ! kill -0 "$last_rank" 2>/dev/null; }
wait_until 10 gone || fail "the stopped rank is still there"

expect 0 train 2 "$run" --seed 7 --watchdog 2 --max-iterations "$(($(newest "$run") + 2))" --epochs 1000000 --resume latest

passed "a stopped rank is noticed: status 79, nothing left behind, and the run can be resumed"
