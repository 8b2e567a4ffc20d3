#!/bin/sh
# Processes that a launcher started together but MPI does not connect never train side by side into one run directory: 78 where the
# launcher's variables tell (recorded ones of MPICH's Hydra 4.0 and of Slurm, and Open MPI's own), said once; otherwise the second is
# told (64). Real processes of this program; no other MPI is installed.
. "$(dirname -- "$0")/support/common.sh"
. "$(dirname -- "$0")/support/processes.sh"

run=$scratch/run
# shellcheck disable=SC2086 # one word per option
alone() { "$program" train --data "$demo" --run "$run" $sizes --seed 7 "$@"; }
cat >"$scratch/hydra" <<'END'
#!/bin/sh
MPI_LOCALNRANKS=2 MPI_LOCALRANKID=$RANK PMI_FD=6 PMI_RANK=$RANK PMI_SIZE=2 exec "$@"
END
cat >"$scratch/slurm" <<'END'
#!/bin/sh
SLURM_JOB_ID=7 SLURM_STEP_ID=0 SLURM_NTASKS=2 SLURM_STEP_NUM_TASKS=2 SLURM_PROCID=$RANK SLURM_LOCALID=$RANK exec "$@"
END
cat >"$scratch/stranger" <<'END'
#!/bin/sh
# What ranks see whose mpirun cannot reach them: its variables, and no daemon behind them.
rank=$OMPI_COMM_WORLD_RANK
for name in $(env | sed -n 's/^\(\(OMPI\|PMIX\|PMI\|ORTE\)_[A-Z0-9a-z_]*\)=.*/\1/p'); do
  case $name in OMPI_ALLOW*) ;; *) unset "$name" ;; esac
done
OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_RANK=$rank exec "$@"
END
chmod +x "$scratch/hydra" "$scratch/slurm" "$scratch/stranger"

for launcher_of in hydra slurm; do
  : >"$scratch/output"
  statuses=''
  for RANK in 0 1; do
    export RANK
    status=0
    # shellcheck disable=SC2086 # one word per option
    "$scratch/$launcher_of" "$program" train --data "$demo" --run "$run" $sizes >>"$scratch/output" 2>&1 </dev/null || status=$?
    statuses="$statuses $status"
  done
  [ "$statuses" = " 78 78" ] || fail "$launcher_of: exit statuses$statuses, expected 78 78"
  [ "$(grep -c "started 2 processes" "$scratch/output")" -eq 1 ] || fail "$launcher_of: not said exactly once"
done
# shellcheck disable=SC2086 # one word per option
expect 78 "$root/launch/mpirun" 2 "$scratch/stranger" "$program" train --data "$demo" --run "$run" $sizes
said "the launcher started 2 processes (OMPI_COMM_WORLD_SIZE), but MPI connects 1"
[ ! -e "$run" ] || fail "one of them trained"

# No variable tells: as by ssh in a loop.
# shellcheck disable=SC2086 # one word per option
"$program" train --data "$demo" --run "$run" $sizes --seed 7 --max-iterations 1000000 --epochs 1000000 \
  >"$scratch/first" 2>&1 </dev/null &
launcher=$!
holds() { has_ended || [ -s "$run/lock" ]; }
wait_until 60 holds || fail "the first did not start within 60 seconds"
expect 64 alone --max-iterations 2
said "in use by process $launcher on .* seconds .*If one launcher started both, they are no ranks of one run"
expect 64 alone --max-iterations 2 --resume latest
said "If one launcher started both"
# Long before, it is another job.
touch -d '10 minutes ago' "$run/lock"
expect 64 alone --max-iterations 2 --resume latest
said "in use by process $launcher on .*Wait for it to end"
if grep -q "one launcher" "$scratch/output"; then fail "a job of ten minutes is taken for a rank"; fi
kill -USR1 "$launcher"
wait_for_end 75

passed "ranks that are strangers to each other are refused: 78 with a launcher's variables, said once; 64 in a run directory in use"
