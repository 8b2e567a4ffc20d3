#!/bin/sh
# What launch/mpirun decides before ranks start: whose mpirun this is (stand-ins that answer as MPICH's Hydra 4.0 and Intel MPI 2021 do),
# whether it is inside a Slurm step, whether the slots suffice, how many threads a core with hyper-threads gets (a stand-in for lscpu),
# where the threads are bound, and what Open MPI 4 and 5 are told (a stand-in for mpirun). Slurm is a recorded environment; where ranks
# run, Open MPI is real (open_mpi_5 and slurm_real have the real ones).
. "$(dirname -- "$0")/support/common.sh"
unset OMP_NUM_THREADS
bin=$scratch/bin
mkdir "$bin"
# stand_in NAME: a program of that name first on the PATH of `with`; its text comes from standard input.
stand_in() {
  { echo '#!/bin/sh' && cat; } >"$bin/$1"
  chmod +x "$bin/$1"
}
with() { env PATH="$bin:$PATH" "$@"; }
# shows TEXT COMMAND…: the command succeeds and prints a line that begins so.
shows() {
  shown=$1
  shift
  expect 0 "$@"
  said "^$shown"
}

# Another MPI's mpirun.
stand_in mpirun <<'END'
echo 'HYDRA build details:'
echo '    Version:                                 4.0.2'
END
expect 69 with "$root/launch/mpirun" 2 "$program" doctor
said "the mpirun on the PATH ($bin/mpirun) is MPICH's"
stand_in mpirun <<'END'
echo 'Intel(R) MPI Library for Linux* OS, Version 2021.18.1 Build 20260626 (id: b44796a)'
END
expect 69 with "$root/launch/mpirun" 2 "$program" doctor
said "is Intel MPI's"
stand_in mpirun <<'END'
echo 'mpirun (Open MPI) 3.1.6'
END
expect 69 with "$root/launch/mpirun" 2 "$program" doctor
said "Open MPI 4 or 5 is needed"
rm "$bin/mpirun"

# Slurm. The shell of salloc is a step too, and none that holds processors.
expect 69 env SLURM_JOB_ID=12 SLURM_STEP_ID=0 "$root/launch/mpirun" 2 "$program" doctor
said "step 0 of Slurm job 12.*srun --mpi=pmix"
shows "nothing found" env SLURM_STEP_ID=4294967290 "$root/launch/mpirun" 1 "$program" doctor
expect 64 env SLURM_NTASKS=1 "$root/launch/mpirun" 2 --allocation --threads 1 "$program" doctor
said "2 ranks do not fit into the 1 tasks"
grep -q -x "#SBATCH --hint=nomultithread" "$root/launch/slurm.sbatch" || fail "slurm.sbatch lets Slurm count hyper-threads"

expect 64 "$root/launch/mpirun" 3 --hostfile "$root/hostfiles/localhost-2" "$program" doctor
said "3 ranks do not fit into the 2 slots"

# Two hyper-threads on one core, the only one here; then a machine with two cores of which this process may use one.
# shellcheck disable=SC2016 # ranks, not this shell, expand it
threads() { with "$@" sh -c 'echo "threads $OMP_NUM_THREADS"'; }
stand_in lscpu <<'END'
for cpu in $(seq 0 1023); do echo "$cpu,0,0"; done
END
shows "threads 1$" threads "$root/launch/mpirun" 1
shows "threads 1$" threads env SLURM_NTASKS=1 SLURM_TASKS_PER_NODE=1 "$root/launch/mpirun" 1 --allocation --threads 2
said "hint=nomultithread"
stand_in lscpu <<'END'
echo 0,0,0; echo 1,0,0; echo 2,1,0; echo 3,1,0
END
if [ "$(nproc --all)" -ge 2 ] && taskset -c 0,1 true 2>/dev/null; then
  shows "threads 1$" threads taskset -c 0,1 "$root/launch/mpirun" 1
fi
rm "$bin/lscpu"

# Threads are bound where cores are the rank's own, and the doctor counts all of them.
# shellcheck disable=SC2016 # ranks, not this shell, expand it
where() { "$@" sh -c 'echo "where $OMP_PLACES $OMP_PROC_BIND"'; }
shows "where cores close" where "$root/launch/mpirun" 1 --bind cores
shows "where  $" where env -u OMP_PLACES -u OMP_PROC_BIND "$root/launch/mpirun" 1
shows "nothing found" "$root/launch/mpirun" 1 --bind cores "$program" doctor

# What either version of Open MPI is told, by a stand-in that prints its arguments and variables instead of starting ranks: session files,
# direct copies between ranks (here, and in a user namespace), the options of its daemons.
long=$scratch/$(printf '%060d' 0)
mkdir "$long"
user=''
unshare --user --map-root-user true 2>/dev/null || user=' (user namespace NOT RUN: none can be made here)'
for version in 4.1.4 5.0.11; do
  stand_in mpirun <<END
if [ "\$1" = --version ]; then echo "mpirun (Open MPI) $version"; else echo "arguments: \$*"; env; fi
END
  case $version in
    4*) folder=OMPI_MCA_orte_tmpdir_base copies=OMPI_MCA_btl_vader_single_copy_mechanism=none daemons='--mca' network=oob_tcp_if_include ;;
    5*) folder=PRTE_MCA_prte_tmpdir_base copies=OMPI_MCA_smsc=^cma daemons=--prtemca network=prte_if_include ;;
  esac
  shows "$folder=/tmp$" with TMPDIR="$long" "$root/launch/mpirun" 1 true
  expect 0 with TMPDIR=/var/tmp "$root/launch/mpirun" 1 true
  if grep -q "^$folder=" "$scratch/output"; then fail "session files leave a TMPDIR that will do"; fi
  stand_in stat <<'END'
echo nfs
END
  shows "$folder=/tmp$" with TMPDIR=/var/tmp "$root/launch/mpirun" 1 true
  rm "$bin/stat"
  if [ "$(awk '/^Seccomp:/ { print $2 }' /proc/self/status)" = 0 ] && grep -q '^ *0 *0 *4294967295$' /proc/self/uid_map; then
    expect 0 with "$root/launch/mpirun" 1 true
    if grep -q -e "^$copies" "$scratch/output"; then fail "direct copies are switched off without need"; fi
  fi
  if [ -z "$user" ]; then shows "$copies" with unshare --user --map-root-user "$root/launch/mpirun" 1 true; fi
  expect 0 with OMPI_MCA_plm_rsh_agent=/agent "$root/launch/mpirun" 2 --hostfile "$root/hostfiles/localhost-2" --interface 10.0.0.0/8 true
  said "$daemons oob_tcp_keepalive_time 2"
  said "$daemons $network 10.0.0.0/8"
  said "--mca btl_tcp_if_include 10.0.0.0/8"
  if [ "$daemons" = --prtemca ]; then said "^PRTE_MCA_prte_ssh_agent=/agent"; fi
done
# Open MPI 5.0 says so and ends with 0 when a host vanishes.
stand_in mpirun <<'END'
if [ "$1" = --version ]; then echo "mpirun (Open MPI) 5.0.11"; else echo "PRTE has lost communication with a remote daemon." >&2; fi
END
expect 205 with "$root/launch/mpirun" 2 --hostfile "$root/hostfiles/localhost-2" true
said "PRTE has lost communication"
rm "$bin/mpirun"
if [ -z "$user" ]; then
  shows "nothing found" unshare --user --map-root-user "$root/launch/mpirun" 2 --threads 1 "$program" doctor
fi

expect 69 "$root/launch/mpirun" 2 "$scratch/nowhere" train
said "there is no program"
expect 69 "$root/launch/mpirun" 2 "$scratch" train
expect 69 "$root/launch/mpirun" 2 cegzsl-that-is-nowhere train
passed "launch/mpirun: other MPIs, Slurm steps and missing slots are refused by name; threads follow cores; Open MPI 4 and 5 told alike$user"
