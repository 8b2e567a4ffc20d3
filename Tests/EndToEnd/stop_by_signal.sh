#!/bin/sh
# SIGUSR1, SIGTERM, SIGINT and SIGHUP to launch/mpirun, the interrupt key and a terminal that closes stop all ranks at one iteration with everything
# saved (75); resumed from there, the run goes on byte for byte as if it had not been stopped. A second SIGTERM ends it at once, and under
# nohup SIGHUP does nothing.
. "$(dirname -- "$0")/support/common.sh"
. "$(dirname -- "$0")/support/processes.sh"

run=$scratch/run
options="$sizes --seed 7 --checkpoint-every 1000000 --epochs 1000000"
before=0 input=/dev/null
lines() { if [ -e "$run/metrics.jsonl" ]; then wc -l <"$run/metrics.jsonl"; else echo 0; fi; }
advanced() { has_ended || [ "$(lines)" -gt "$before" ]; }
has_saved() { [ "$(newest "$run")" = "$(lines)" ] && [ "$(lines)" -gt "$before" ]; }

# start COMMAND…: in the background until it trains.
start() {
  "$@" <"$input" >"$scratch/output" 2>&1 &
  launcher=$!
  wait_until 60 advanced || fail "no iteration within 60 seconds"
  has_ended && fail "training ended by itself"
  return 0
}

# begin: two ranks, with no signal ignored from outside; mpirun itself in the background, as the signal must reach that process.
begin() {
  # shellcheck disable=SC2086 # one word per option
  start env --default-signal=HUP,INT "$root/launch/mpirun" 2 "$program" train --data "$demo" --run "$run" $options --max-iterations 1000000 --resume latest
}

# alone [WORD…]: the program by itself.
alone() {
  # shellcheck disable=SC2086 # one word per option
  start env --default-signal=HUP "$@" "$program" train --data "$demo" --run "$run" $options --max-iterations 1000000 --resume latest
}

# stopped HOW: by a signal, with its last iteration saved.
stopped() {
  has_saved || fail "$1: $(lines) iterations in metrics.jsonl, the newest checkpoint is of '$(newest "$run")'"
  before=$(lines)
}

for signal in USR1 TERM INT HUP; do
  begin
  kill -"$signal" "$launcher"
  wait_for_end 75
  stopped "SIG$signal"
done

# A point of each iteration for TensorBoard, those just before a stop too.
points=$(cat "$run"/tensorboard/* | grep -a -o critic/wasserstein | wc -l)
[ "$points" -eq "$(lines)" ] || fail "$points points for TensorBoard of $(lines) iterations"

# What is signalled directly; under nohup, SIGHUP is not for it.
alone
kill -HUP "$launcher"
wait_for_end 75
stopped "SIGHUP to the program"
alone nohup
kill -HUP "$launcher"
reached=$(($(lines) + 20))
further() { [ "$(lines)" -ge "$reached" ] || has_ended; }
wait_until 60 further || fail "nohup: no further iterations"
has_ended && fail "nohup: stopped by SIGHUP"
kill -TERM "$launcher"
wait_for_end 75
stopped "SIGTERM under nohup"

# A second SIGTERM does not wait for the save: the ranks are stopped, so that they cannot.
begin
for process in $(ranks); do kill -STOP "$process"; done
kill -TERM "$launcher"
ends_at_the_next() { has_ended || { kill -TERM "$launcher" 2>/dev/null && false; } || has_ended; }
wait_until 60 ends_at_the_next || fail "more than one SIGTERM did not end it"
launcher=''

# A terminal: the interrupt key, then its end.
terminal=''
if command -v script >/dev/null; then
  terminal=", the interrupt key, a terminal that closes"
  mkfifo "$scratch/keys"
  in_terminal() {
    before=$(lines)
    start env --default-signal=HUP,INT script --quiet --return --flush --command "exec env --default-signal=INT,HUP '$root/launch/mpirun' 2 '$program' train --data '$demo' --run '$run' $options \
      --max-iterations 1000000 --resume latest" /dev/null
  }
  exec 4<>"$scratch/keys"
  input=$scratch/keys
  in_terminal
  printf '\003' >&4
  wait_for_end 75
  stopped "the interrupt key"
  in_terminal
  kill -KILL "$launcher"
  wait_until 60 has_saved || fail "the terminal closed: $(lines) iterations, the newest checkpoint is of '$(newest "$run")'"
  launcher='' before=$(newest "$run")
  exec 4>&-
fi

last=$((before + 2))
# shellcheck disable=SC2086 # one word per option
expect 0 train 2 "$run" $options --max-iterations "$last" --resume latest
# shellcheck disable=SC2086 # one word per option
expect 0 train 2 "$scratch/whole" $options --max-iterations "$last"
expect_same_state "$(checkpoint "$scratch/whole" "$last")" "$(checkpoint "$run" "$last")"

passed "SIGUSR1, SIGTERM, SIGINT, SIGHUP$terminal saved and stopped two ranks (75); after $last iterations the bytes of a run never stopped"
