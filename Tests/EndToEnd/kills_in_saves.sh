#!/bin/sh
# SIGKILL to rank 0 while it saves, again and again: every time the newest checkpoint that can be read is the one before or the new one, the
# run goes on from it, and in the end has the bytes of a run that nothing happened to.
#
# usage: kills_in_saves.sh [TRIALS]   kills (default 4)
. "$(dirname -- "$0")/support/common.sh"
. "$(dirname -- "$0")/support/processes.sh"

trials=${1:-4}
run=$scratch/run
# Parameters enough that a save takes as long as some iterations; one rank alone, so that all of it is rank 0's.
set -- --seed 7 --epochs 1000000 --checkpoint-every 1 --keep 2 --embedding-size 256 --generator-width 256
has_saved() { has_ended || [ "$(newest "$run")" != "$before" ]; }
is_saving() { has_ended || ls -d "$run"/checkpoints/*.tmp-* >/dev/null 2>&1; }

trial=0 inside=0 lost=0
while [ "$trial" -lt "$trials" ]; do
  trial=$((trial + 1))
  before=$(newest "$run")
  # shellcheck disable=SC2086 # one word per option
  "$program" train --data "$demo" --run "$run" $sizes "$@" --max-iterations 1000000 --resume latest >"$scratch/output" 2>&1 </dev/null &
  launcher=$!
  wait_until 60 has_saved || fail "trial $trial: nothing is saved within 60 seconds"
  # The moment is drawn: up to 40 ms, which is longer than an iteration with its save.
  sleep "0.0$(awk -v seed="$trial" 'BEGIN { srand(seed); printf "%03d", int(rand() * 400) }')"
  reached=$(newest "$run")
  kill -KILL "$launcher" 2>/dev/null || fail "trial $trial: training had ended by itself"
  if is_saving; then inside=$((inside + 1)); fi
  wait "$launcher" 2>/dev/null || true
  launcher=''
  after=$(newest "$run")
  [ "$after" -ge "$reached" ] || fail "trial $trial: checkpoint $reached is lost, the newest is $after"
  # What can be read, in the order of the iterations: what the program itself takes for the newest.
  expect 0 "$program" show "$run"
  if grep -q -i 'damaged' "$scratch/output"; then lost=$((lost + 1)) && fail "trial $trial: a committed checkpoint is damaged"; fi
done

last=$(($(newest "$run") + 2))
# shellcheck disable=SC2086 # one word per option
expect 0 "$program" train --data "$demo" --run "$run" $sizes "$@" --max-iterations "$last" --resume latest
# shellcheck disable=SC2086 # one word per option
expect 0 "$program" train --data "$demo" --run "$scratch/whole" $sizes "$@" --checkpoint-every 0 --max-iterations "$last"
expect_same_state "$(checkpoint "$scratch/whole" "$last")" "$(checkpoint "$run" "$last")"

passed "$trials kills of rank 0, $inside of them inside a save: $lost checkpoints lost, $last iterations with the bytes of a run never killed"
