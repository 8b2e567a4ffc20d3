#!/bin/sh
# SIGUSR1 to mpirun at many moments, some of them during a save, some twice in a row: 75 every time, no iteration lost, and the run that
# was stopped so often has the bytes of one that never was.
#
# usage: signals.sh [COUNT]   moments (default 10)
. "$(dirname -- "$0")/support/common.sh"
. "$(dirname -- "$0")/support/processes.sh"

moments=${1:-10}
run=$scratch/run
set -- --seed 7 --epochs 1000000 --checkpoint-every 1 --keep 2
lines() { if [ -e "$run/metrics.jsonl" ]; then wc -l <"$run/metrics.jsonl"; else echo 0; fi; }

# interruptible: how many threads of the ranks a handler of SIGINT, SIGUSR1 or SIGTERM could interrupt. Only the one of each rank that
# waits for them may be: oneDNN's products let the stack pointer point into the heap, and a handler's frame there is a crash.
interruptible() {
  for process in $(ranks); do
    sed -n 's/^SigBlk:.*\(........\)$/\1/p' "/proc/$process"/task/*/status
  done | while read -r mask; do
    if [ "$((0x$mask & 0x4202))" -ne "$((0x4202))" ]; then echo "$mask"; fi
  done | wc -l
}
advanced() { has_ended || [ "$(lines)" -gt "$before" ]; }

before=0
moment=0
while [ "$moment" -lt "$moments" ]; do
  moment=$((moment + 1))
  # shellcheck disable=SC2086 # one word per option
  "$root/launch/mpirun" 2 "$program" train --data "$demo" --run "$run" $sizes "$@" --max-iterations 1000000 --resume latest \
    >"$scratch/output" 2>&1 </dev/null &
  launcher=$!
  wait_until 60 advanced || fail "moment $moment: no iteration within 60 seconds"
  if [ "$moment" -eq 1 ]; then
    [ "$(ranks | wc -l)" -eq 2 ] || fail "two ranks are not to be found"
    [ "$(interruptible)" -le 2 ] || fail "a signal would interrupt $(interruptible) threads of the two ranks"
  fi
  # Iterations with a save take tens of milliseconds: this many later is anywhere in them.
  sleep "0.$(awk -v seed="$moment" 'BEGIN { srand(seed); printf "%03d", int(rand() * 300) }')"
  kill -USR1 "$launcher" 2>/dev/null || fail "moment $moment: training had ended by itself"
  if [ "$((moment % 3))" -eq 0 ]; then kill -USR1 "$launcher" 2>/dev/null || true; fi
  wait_for_end 75
  stopped=$(newest "$run")
  [ "$(lines)" -eq "$stopped" ] || fail "moment $moment: $(lines) iterations in metrics.jsonl, the checkpoint is of $stopped"
  [ "$stopped" -gt "$before" ] || fail "moment $moment: stopped at $stopped, not beyond $before"
  said "stopped by a signal after iteration $stopped"
  before=$stopped
done

last=$((stopped + 2))
expect 0 train 2 "$run" "$@" --max-iterations "$last" --resume latest
expect 0 train 2 "$scratch/whole" "$@" --checkpoint-every 0 --max-iterations "$last"
expect_same_state "$(checkpoint "$scratch/whole" "$last")" "$(checkpoint "$run" "$last")"

passed "SIGUSR1 at $moments moments: 75 every time, no iteration of $stopped lost, the same bytes as a run never stopped"
