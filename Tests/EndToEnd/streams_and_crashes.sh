#!/bin/sh
# Standard streams that are closed, or that nobody reads: the statuses stay, and nothing lands in a run's files. A process that crashes is gone
# at once, alone or as one of two ranks, and says so where one of the program's own checks ended it.
. "$(dirname -- "$0")/support/common.sh"
. "$(dirname -- "$0")/support/processes.sh"

# unread STATUS COMMAND…: both streams lead to a reader that has gone before anything is written.
mkfifo "$scratch/fifo"
unread() {
  wanted=$1
  shift
  # shellcheck disable=SC2094 # opened, and neither read nor written
  exec 8<>"$scratch/fifo" 9>"$scratch/fifo"
  exec 8<&-
  status=0
  timeout 60 "$@" >&9 2>&9 </dev/null || status=$?
  exec 9>&-
  [ "$status" -eq "$wanted" ] || fail "$* with nobody who reads: exit status $status, expected $wanted"
}
unread 64 "$program" nosuch
unread 64 "$program" train --lr 1
unread 64 "$program" benchmark --preset nosuch
unread 65 "$program" train --data "$scratch/none" --run "$scratch/none-run"
unread 65 "$program" evaluate --data "$scratch/none" --checkpoint "$root/Tests/Fixtures/checkpoints/iteration-000000003-of-0.1"
unread 66 "$program" evaluate --data "$demo" --checkpoint "$scratch/none"
# shellcheck disable=SC2086 # one word per option
unread 71 "$program" train --data "$demo" --run "$scratch/diverging" $sizes --learning-rate 1e30 --max-iterations 20
# shellcheck disable=SC2086
unread 0 "$program" train --data "$demo" --run "$scratch/unread" $sizes --seed 7 --max-iterations 3

# Closed ones: the same run, and nothing that was printed in its files.
# shellcheck disable=SC2086
"$program" train --data "$demo" --run "$scratch/closed" $sizes --seed 7 --max-iterations 3 <&- >&- 2>&- || fail "closed streams: status $?"
expect_same_state "$(checkpoint "$scratch/unread" 3)" "$(checkpoint "$scratch/closed" 3)"
if grep -r -a -l "training rows of" "$scratch/closed" >"$scratch/output"; then fail "what was printed stands in the run's files"; fi

run=$scratch/run
begin() {
  rm -rf "$run"
  # shellcheck disable=SC2086 # one word per option
  "$@" train --data "$demo" --run "$run" $sizes --seed 7 --epochs 1000000 >"$scratch/output" 2>&1 </dev/null &
  launcher=$!
  wait_until 60 has_begun || fail "no iteration within 60 seconds"
}
has_begun() { has_ended || [ -s "$run/metrics.jsonl" ]; }
# crashes SIGNAL STATUS: within seconds, where the watchdog would take minutes.
crashes() {
  kill_rank "$1"
  wait_until 20 has_ended || fail "still there 20 seconds after SIG$1"
  wait_for_end "$2"
}
for signal in "SEGV 139" "ABRT 134" "ILL 132"; do
  # The launched process is the rank itself.
  begin "$program"
  kill -"${signal% *}" "$launcher"
  wait_until 20 has_ended || fail "still there 20 seconds after SIG${signal% *}"
  wait_for_end "${signal#* }"
  begin "$root/launch/mpirun" 2 "$program"
  # shellcheck disable=SC2086 # two words
  crashes $signal
done
said "an error in the program itself; please report it"

passed "statuses stay with nobody who reads, closed streams leave no trace, crashes end one process and two ranks at once"
