#!/bin/sh
# mpirun is killed (-9): no rank stays, and the next start goes on. On two hosts (network namespaces): the other host's daemon is killed (-9): 205, no
# rank stays; the link is away for a second, or slow and loses packets: the run does not notice. Each ends with the bytes of a run that nothing happened to.
# shellcheck disable=SC2086 # options are words
. "$(dirname -- "$0")/support/common.sh"
. "$(dirname -- "$0")/support/processes.sh"

options="$sizes --seed 7 --checkpoint-every 5 --epochs 1000000"
# start COMMAND…: trains in $run, in the background, until something is saved.
start() {
  "$@" train --data "$demo" --run "$run" $options >"$scratch/output" 2>&1 </dev/null &
  launcher=$!
  wait_until 60 has_saved || fail "no checkpoint within 60 seconds"
}
has_saved() { has_ended || ls "$run"/checkpoints/iteration-* >/dev/null 2>&1; }
nothing_left() { ! pgrep -f "train --data $demo --run $run " >/dev/null; }
# ends_after STATUS WHAT: soon, and takes all ranks with it.
ends_after() {
  wait_until 30 has_ended || fail "$2 was not noticed within 30 seconds"
  wait_for_end "$1"
  wait_until 20 nothing_left || fail "a rank is still running 20 seconds after $2"
}
# as_if_nothing_had_happened: the run's newest checkpoint has the bytes of a run that came there on one rank.
as_if_nothing_had_happened() {
  last=$(newest "$run")
  expect 0 train 1 "$run-whole" $options --checkpoint-every 0 --max-iterations "$last"
  expect_same_state "$(checkpoint "$run-whole" "$last")" "$(checkpoint "$run" "$last")"
}

# mpirun_itself: the processes under $launcher that are Open MPI's.
mpirun_itself() {
  for process in $(descendants "$launcher"); do
    case $(tr '\0' ' ' <"/proc/$process/cmdline" 2>/dev/null) in 'mpirun '*) echo "$process" ;; esac
  done
}
run=$scratch/orphans
start "$root/launch/mpirun" 2 "$program"
killed=$(mpirun_itself)
[ -n "$killed" ] || fail "there is no mpirun to kill"
kill -KILL $killed
ends_after 137 "mpirun's end"
expect 0 train 2 "$run" $options --resume latest --max-iterations "$(($(newest "$run") + 20))"
as_if_nothing_had_happened

on_one_host="mpirun killed: no rank stays, the same bytes"
. "$(dirname -- "$0")/support/hosts.sh"
trap 'if [ -n "$launcher" ]; then kill -KILL $(descendants "$launcher") "$launcher" 2>/dev/null || true; fi; remove_hosts' EXIT
# cluster: the command up to the program's own words, on the first host.
cluster() {
  OMPI_MCA_plm_rsh_agent=$scratch/enter exec "$scratch/enter" host-a "$root/launch/cluster" "$scratch/hosts" --threads 1 --bind none \
    --program "$program" --max-restarts 0 "$@"
}
in_foreground() (cluster train --data "$demo" --run "$run" $options "$@")

run=$scratch/daemon
start cluster
killed=$(ip netns pids "$link-b" | while read -r process; do
  case $(cat "/proc/$process/comm" 2>/dev/null) in orted | prted) echo "$process" ;; esac
done)
[ -n "$killed" ] || fail "there is no daemon to kill"
kill -KILL $killed
ends_after 205 "a daemon's end"
expect 0 in_foreground --resume latest --max-iterations "$(($(newest "$run") + 20))"
as_if_nothing_had_happened

run=$scratch/away
start cluster
ip -n "$link-b" link set "$link-2" down
sleep 1 # that time passes is what happens
ip -n "$link-b" link set "$link-2" up
before=$(newest "$run")
further() { has_ended || [ "$(newest "$run")" != "$before" ]; }
wait_until 60 further || fail "no further checkpoint after a second without the link"
has_ended && fail "a second without the link ended the run"
# Not to the shells that lead to that host.
kill -USR1 $(pgrep -f "^mpirun .*--run $run ")
wait_for_end 75
as_if_nothing_had_happened

# A queue of few packets loses those that come too fast.
slow=''
if command -v tc >/dev/null &&
  ip netns exec "$link-a" tc qdisc add dev "$link-1" root tbf rate 8mbit burst 4kb limit 8kb 2>/dev/null; then
  run=$scratch/slow
  expect 0 in_foreground --max-iterations 8
  as_if_nothing_had_happened
  dropped=$(ip netns exec "$link-a" tc -s qdisc show dev "$link-1" | sed -n 's/.*(dropped \([0-9]*\),.*/\1/p')
  [ "$dropped" -gt 0 ] || fail "the slow link lost no packet"
  slow=", or slow (8 Mbit/s, $dropped packets lost)"
fi
passed "$on_one_host; a daemon killed (205), a link away for a second$slow: the same bytes"
