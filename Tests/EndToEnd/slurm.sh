#!/bin/sh
# launch/slurm.sbatch, with a stand-in for scontrol: the notice before the end of the job's time reaches the ranks, they save (75), the
# next start goes on, and the job is requeued exactly when that was asked for.
. "$(dirname -- "$0")/support/common.sh"
. "$(dirname -- "$0")/support/processes.sh"

mkdir "$scratch/bin"
cat >"$scratch/bin/scontrol" <<END
#!/bin/sh
echo "\$*" >>"$scratch/requeued"
END
chmod +x "$scratch/bin/scontrol"
PATH=$scratch/bin:$PATH
export PATH CEGZSL_ROOT="$root" CEGZSL_PROGRAM="$program" SLURM_JOB_ID=4711 SLURM_NTASKS=2 SLURM_CPUS_PER_TASK=1
# Without Slurm, mpirun counts this machine's cores; two ranks may be more than those.
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none

run=$scratch/run
# job [option…]: the script as Slurm starts it, a copy elsewhere, in the background.
cp "$root/launch/slurm.sbatch" "$scratch/slurm_script"
job() {
  # shellcheck disable=SC2086 # one word per option
  sh "$scratch/slurm_script" --data "$demo" --run "$run" $sizes --seed 7 --epochs 1000000 "$@" >"$scratch/output" 2>&1 </dev/null &
  launcher=$!
}
lines() { if [ -e "$run/metrics.jsonl" ]; then wc -l <"$run/metrics.jsonl"; else echo 0; fi; }
advanced() { has_ended || [ "$(lines)" -gt "$before" ]; }

# stop_job: the notice, after an iteration.
stop_job() {
  before=$(lines)
  job --max-iterations 1000000
  wait_until 60 advanced || fail "no iteration within 60 seconds"
  kill -USR1 "$launcher"
  wait_for_end 75
}

stop_job
[ ! -e "$scratch/requeued" ] || fail "requeued without being asked to"
CEGZSL_REQUEUE=3
export CEGZSL_REQUEUE
stop_job
[ "$(cat "$scratch/requeued")" = "requeue 4711" ] || fail "scontrol was told: $(cat "$scratch/requeued")"
SLURM_ARRAY_JOB_ID=4700 SLURM_ARRAY_TASK_ID=5
export SLURM_ARRAY_JOB_ID SLURM_ARRAY_TASK_ID
stop_job
[ "$(tail -n 1 "$scratch/requeued")" = "requeue 4700_5" ] || fail "scontrol was told: $(tail -n 1 "$scratch/requeued")"
SLURM_RESTART_COUNT=3
export SLURM_RESTART_COUNT
stop_job
[ "$(wc -l <"$scratch/requeued")" -eq 2 ] || fail "requeued a fourth time where three were allowed"

job --max-iterations "$(($(lines) + 2))"
wait_for_end 0
[ "$(wc -l <"$scratch/requeued")" -eq 2 ] || fail "requeued although training was done"

# From a folder that launch/bundle made, and not a program that is a folder.
expect 0 "$root/launch/bundle" "$scratch/bundled" --program "$program"
[ -e "$scratch/bundled/hostfiles/cluster.example" ] || fail "the bundle lacks the example of a host file"
expect 64 "$root/launch/bundle" "$scratch/bundled" --program "$scratch/bundled/bin/cegzsl"
said "is that of the folder to make"
rm -rf "$run"
(unset CEGZSL_PROGRAM && export CEGZSL_ROOT="$scratch/bundled" && expect 0 sh "$scratch/slurm_script" --data "$demo" --run "$run" --preset tiny \
  --max-iterations 2)
(export CEGZSL_PROGRAM="$scratch" && expect 69 sh "$scratch/slurm_script" --data "$demo" --run "$run")

passed "slurm.sbatch: saved and stopped at the notice (75), went on, requeued when asked to and no more often"
