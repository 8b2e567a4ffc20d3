#!/bin/sh
# One rank of two hosts at any of its calls of MPI: the call fails (74, the rank, its host and the call are named), the rank is killed (137) or stands
# still (79), and the run goes on from its newest checkpoint to the bytes of a run that nothing happened to. A bit that changes on its way,
# of rows, sums or parameters, is noticed before anything is saved (70, both hosts named).
# environment: FAULTS  calls that are tried of each kind, evenly spread (default 3; 'all': every one)
. "$(dirname -- "$0")/support/common.sh"
if ! command -v mpicc >/dev/null; then
  passed "NOT RUN: mpicc is not installed (launch/install --contributor)"
  exit 0
fi
expect 0 mpicc -shared -fPIC -O1 -Wall -Werror -o "$scratch/faulty_mpi.so" "$root/Tests/EndToEnd/support/faulty_mpi.c"

last=3
# faulty ACTION CALL RUN [option…]: on two ranks that share no memory; the second one is at fault.
faulty() {
  faulty_action=$1 faulty_call=$2 faulty_run=$3
  shift 3
  # shellcheck disable=SC2086 # one word per option
  timeout --kill-after=5 120 "$root/launch/mpirun" 2 env LD_PRELOAD="$scratch/faulty_mpi.so" FAULTY_RANK=1 FAULTY_CALL="$faulty_call" FAULTY_ACTION="$faulty_action" \
    FAULTY_APART=1 FAULTY_COUNT="$scratch/count" "$program" train --data "$demo" --run "$faulty_run" $sizes --seed 7 --verify-every 1 \
    --checkpoint-every 1 --max-iterations "$last" "$@"
}
expect 0 faulty none 0 "$scratch/whole"
calls=$(cat "$scratch/count")
[ "$calls" -gt 300 ] || fail "only $calls calls were seen"

# calls_of COUNT: so many of them, the first and the last too.
calls_of() {
  if [ "$1" = all ]; then seq "$calls"; else awk -v n="$1" -v all="$calls" 'BEGIN { for (i = 0; i < n; i++) print 1 + int((all - 1) * i / (n - 1)) }'; fi
}
# goes_on WHAT: the run of the last fault ends with the bytes of the undisturbed one, without losing a checkpoint.
goes_on() {
  expect 0 train 2 "$scratch/run" --seed 7 --verify-every 1 --checkpoint-every 1 --max-iterations "$last" --resume latest
  expect_same_state "$(checkpoint "$scratch/whole" "$last")" "$(checkpoint "$scratch/run" "$last")"
  [ -s "$scratch/run/results.json" ] || fail "$1: no results"
  rm -r "$scratch/run"
}

tried=0
for call in $(calls_of "${FAULTS:-3}"); do
  expect 74 faulty fail "$call" "$scratch/run"
  said "MPI_.* failed on rank 1 (host .*--resume latest"
  goes_on "call $call failed"
  expect 137 faulty kill "$call" "$scratch/run"
  said "faulty_mpi: kill at call $call"
  goes_on "killed at call $call"
  tried=$((tried + 2))
done
# At once, and where a message of each kind is sent: they are sent, and waited for, in ways of their own.
still=0
for tag in '' 1 2 3; do
  if [ -n "$tag" ]; then
    export FAULTY_TAG="$tag"
    expect 74 faulty fail 1 "$scratch/run"
    said "MPI_Isend failed on rank 1 (host .*--resume latest"
    goes_on "a message with tag $tag failed"
    tried=$((tried + 1))
  fi
  expect 79 faulty stop 1 "$scratch/run" --watchdog 2
  said "rank 0 of 2 on host .* has not moved for .* seconds, since it called MPI_"
  goes_on "stopped, tag ${tag:-none}"
  still=$((still + 1))
done
unset FAULTY_TAG

# flip CALL NAME TAG: the next message of that kind; there may be none left.
flipped=0
flip() {
  status=0
  (export FAULTY_TAG="$3" && faulty flip "$1" "$scratch/run") >"$scratch/output" 2>&1 </dev/null || status=$?
  if grep -q 'one bit of' "$scratch/output"; then
    [ "$status" -eq 70 ] || fail "a bit of $2 that changed after call $1 ended with $status"
    said "What rank 1 on .* sent as the $2 of .* is not what arrived at rank 0 on"
    goes_on "a bit of $2 changed after call $1"
    flipped=$((flipped + 1))
  else
    [ "$status" -eq 0 ] || fail "nothing happened, and the run ended with $status"
    rm -r "$scratch/run"
  fi
}
case ${FAULTS:-3} in all) flips=$(calls_of all) ;; *) flips=1 ;; esac
for call in $flips; do
  flip "$call" rows 1
  flip "$call" sums 2
  flip "$call" parameters 3
done
[ "$flipped" -ge 3 ] || fail "of three messages $flipped had a bit changed"

passed "$tried of $calls calls of a rank failed or killed it (74, 137), $still stopped it (79), $flipped bits changed on their way (70): each run went on to the same bytes"
