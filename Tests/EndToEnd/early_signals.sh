#!/bin/sh
# The launchers when a signal comes early, at any moment from their start on: the ranks save and stop, or nothing was begun (75), and training
# never goes on; killed themselves, they leave no run behind. Readers that go away end nothing. Options that only training has.
. "$(dirname -- "$0")/support/common.sh"
. "$(dirname -- "$0")/support/processes.sh"

run=$scratch/run
options="$sizes --seed 7 --epochs 1000000"
nothing_left() { ! pgrep -f "train --data $demo --run $run " >/dev/null; }
# shellcheck disable=SC2086 # one word per option
begin() {
  "$@" train --data "$demo" --run "$run" $options --resume latest >"$scratch/output" 2>&1 </dev/null &
  launcher=$!
}
# stopped_early NAME SIGNAL: whatever the moment.
stopped_early() {
  kill -"$2" "$launcher" 2>/dev/null || true
  wait_until 30 has_ended || fail "$1 did not hear SIG$2 after $delay seconds"
  status=0
  wait "$launcher" || status=$?
  launcher=''
  # Before the script itself could set a trap, a signal ends it as any other program.
  case $status in 75) heard=$((heard + 1)) ;; 138 | 143) ;; *) fail "$1: exit status $status after SIG$2 at $delay seconds" ;; esac
  wait_until 20 nothing_left || fail "$1: a rank is still running after SIG$2 at $delay seconds"
}

tried=0 heard=0
SLURM_JOB_ID=4711 SLURM_NTASKS=2 SLURM_CPUS_PER_TASK=1 CEGZSL_ROOT=$root CEGZSL_PROGRAM=$program
# Without Slurm, mpirun counts this machine's cores; two ranks may be more than those.
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
job() {
  SLURM_JOB_ID=$SLURM_JOB_ID SLURM_NTASKS=$SLURM_NTASKS SLURM_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK CEGZSL_ROOT=$CEGZSL_ROOT \
    CEGZSL_PROGRAM=$CEGZSL_PROGRAM exec sh "$root/launch/slurm.sbatch" --data "$demo" --run "$run" "$@"
}
# The delays are what is tried, and no waiting for something.
for delay in 0.03 0.06 0.1 0.13 0.17 0.22 0.3 0.5; do
  begin "$root/launch/local" --ranks 2 --threads 1 --program "$program"
  sleep "$delay"
  stopped_early launch/local TERM
  begin "$root/launch/mpirun" 2 "$program"
  sleep "$delay"
  stopped_early launch/mpirun USR1
  # shellcheck disable=SC2086 # one word per option
  job $options >"$scratch/output" 2>&1 </dev/null &
  launcher=$!
  sleep "$delay"
  stopped_early launch/slurm.sbatch USR1
  tried=$((tried + 3))
done
[ "$heard" -ge "$((tried / 2))" ] || fail "only $heard of $tried early signals were heard"

# A moment that is long: the folder of mpirun's notes is being made.
mkdir "$scratch/slow"
cat >"$scratch/slow/mkfifo" <<END
#!/bin/sh
touch "$scratch/in-mkfifo"
while [ ! -e "$scratch/go-on" ]; do sleep 0.05; done
exec $(command -v mkfifo) "\$@"
END
chmod +x "$scratch/slow/mkfifo"
PATH=$scratch/slow:$PATH begin "$root/launch/mpirun" 2 "$program"
wait_until 30 [ -e "$scratch/in-mkfifo" ] || fail "launch/mpirun did not come to its fifo"
kill -TERM "$launcher"
touch "$scratch/go-on"
wait_for_end 75
nothing_left || fail "a rank is running after a signal before mpirun"

# Killed outright: mpirun is told all the same.
run=$scratch/killed
begin "$root/launch/local" --ranks 2 --threads 1 --program "$program"
wait_until 60 [ -s "$run/metrics.jsonl" ] || fail "training did not begin"
kill -KILL "$launcher"
wait "$launcher" 2>/dev/null || true
launcher=''
wait_until 30 nothing_left || fail "training goes on without its launcher"
[ "$(newest "$run")" -gt 0 ] || fail "training that lost its launcher saved nothing"

# Ranks that do not hear the first one: the second ends them at once. Two SIGHUPs, as a terminal that closes may send, are one wish.
run=$scratch/deaf
begin "$root/launch/local" --ranks 2 --threads 1 --program "$program"
wait_until 60 [ -s "$run/metrics.jsonl" ] || fail "training did not begin"
for rank in $(ranks); do kill -STOP "$rank"; done
kill -TERM "$launcher"
# Told, launch/mpirun tells again every second.
asked() { for process in $(descendants "$launcher"); do [ "$(cat "/proc/$process/comm" 2>/dev/null)" != sleep ] || return 0; done; return 1; }
wait_until 30 asked || fail "launch/mpirun was not told"
kill -TERM "$launcher"
wait_for_end 143
wait_until 20 nothing_left || fail "a stopped rank is still there after the second SIGTERM"
run=$scratch/closing
begin "$root/launch/local" --ranks 2 --threads 1 --program "$program"
wait_until 60 [ -s "$run/metrics.jsonl" ] || fail "training did not begin"
stopped=$(ranks)
for rank in $stopped; do kill -STOP "$rank"; done
kill -HUP "$launcher"
wait_until 30 asked || fail "launch/mpirun was not told"
kill -HUP "$launcher"
# The second one is heard, whatever it does, before the ranks can obey the first.
heard_twice() { ! grep -q '^SigPnd:.*[1-9a-f]' "/proc/$launcher/status" && ! grep -q '^ShdPnd:.*[1-9a-f]' "/proc/$launcher/status"; }
wait_until 30 heard_twice || fail "the second SIGHUP is not taken"
for rank in $stopped; do kill -CONT "$rank" 2>/dev/null || true; done
wait_for_end 75
[ "$(newest "$run")" -gt 0 ] || fail "two SIGHUPs: nothing saved"

# What a rank says is there at once, whatever it says; closed streams are no reason not to start.
printf '#!/bin/sh\necho "TCP networks, not enough slots" >&2\nwhile [ ! -e "%s" ]; do sleep 0.05; done\n' "$scratch/read" >"$scratch/speaks"
chmod +x "$scratch/speaks"
"$root/launch/mpirun" 1 "$scratch/speaks" >"$scratch/output" 2>&1 </dev/null &
launcher=$!
wait_until 30 grep -q "TCP networks" "$scratch/output" || fail "what a rank says does not come while it runs"
touch "$scratch/read"
wait_for_end 0
status=0
"$root/launch/mpirun" 1 sh -c "touch '$scratch/started'" 2>&- || status=$?
if [ "$status" -ne 0 ] || [ ! -e "$scratch/started" ]; then fail "standard error is closed: exit status $status"; fi
status=0
"$root/launch/local" --max-restarts two doctor 2>&- || status=$?
[ "$status" -eq 64 ] || fail "a wrong option and standard error closed: exit status $status"

# Nobody reads what is printed, on either stream.
run=$scratch/unread
# shellcheck disable=SC2086 # one word per option
{ "$root/launch/local" --ranks 2 --threads 1 --program "$program" train --data "$demo" --run "$run" $sizes --seed 7 --epochs 1000000 \
  --max-iterations 400 2>&1 </dev/null && touch "$scratch/whole"; } | head -n 1 >"$scratch/output"
[ -e "$scratch/whole" ] || fail "a reader that went away ended the run"
[ -s "$run/results.json" ] || fail "a run without a reader has no results"

# Restarts are for training: the doctor's watchdog (79) is its finding. And numbers are what they look like.
printf '#!/bin/sh\necho "$*"\nexit 79\n' >"$scratch/found"
chmod +x "$scratch/found"
expect 79 "$root/launch/local" --ranks 1 --threads 1 --max-restarts 2 --program "$scratch/found" doctor
[ "$(cat "$scratch/output")" = doctor ] || fail "the doctor was started again: $(cat "$scratch/output")"
for number in 08 99999999999999999999 -1 two; do
  expect 64 "$root/launch/local" --max-restarts "$number" --program "$scratch/found" doctor
  said "whole number"
done
expect 64 "$root/launch/local" --ranks 4096 --threads 2 --bind cores --program "$scratch/found" doctor
said "do not fit onto the [0-9]* cores here"
# The program that was looked at is the one that runs, and not another of its name.
(cd "$scratch" && expect 79 "$root/launch/local" --ranks 1 --threads 1 --program found doctor)
expect 74 env TMPDIR="$scratch/nowhere" "$root/launch/mpirun" 1 "$program" doctor
said "set TMPDIR"

passed "$tried signals within half a second of a launcher's start: saved or nothing begun, $heard of them 75; killed, unread, restarts for training"
