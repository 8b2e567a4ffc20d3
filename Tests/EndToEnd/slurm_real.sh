#!/bin/sh
# Real Slurm (Debian's 22.05, one node) in a debootstrap root, with its daemons in namespaces of their own: launch/slurm.sbatch trains,
# srun --mpi=pmix gives the same bytes and passes statuses on, tasks that nothing connects are refused, and so is launch/mpirun in a step.
# Needs root, debootstrap and a package archive; takes about two minutes, so runs where CEGZSL_SLURM is set.
. "$(dirname -- "$0")/support/common.sh"

not_run() {
  passed "NOT RUN: $*"
  exit 0
}
[ -n "${CEGZSL_SLURM-}" ] || not_run "real Slurm (takes minutes; set CEGZSL_SLURM=yes)"
[ "$(id -u)" -eq 0 ] || not_run "real Slurm needs root"
command -v debootstrap >/dev/null || not_run "real Slurm needs debootstrap"
unshare --mount --pid --net --fork true 2>/dev/null || not_run "real Slurm needs namespaces"

node=$scratch/node
debootstrap --variant=minbase bookworm "$node" >"$scratch/output" 2>&1 </dev/null ||
  not_run "real Slurm: debootstrap fails (is the archive reachable?)"
cp -L /etc/resolv.conf "$node/etc/"
expect 0 "$root/launch/bundle" "$node/opt/cegzsl" --program "$program"
# shellcheck disable=SC2016 # the inner shell expands it
expect 0 unshare --mount sh -c 'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" sh -c "
  /opt/cegzsl/launch/install --runtime &&
  DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends slurmctld slurmd slurm-client munge libpmix-dev"' "$node"
cp -R "$demo" "$node/demo"
host=$(uname -n)
printf '127.0.0.1 localhost\n10.88.0.1 %s\n' "$host" >"$node/etc/hosts"
mkdir -p "$node/var/spool/slurmd" "$node/var/spool/slurmctld" "$node/run/munge"
cat >"$node/etc/slurm/slurm.conf" <<END
ClusterName=test
SlurmctldHost=$host
SlurmUser=root
MpiDefault=none
ProctrackType=proctrack/pgid
TaskPlugin=task/affinity
SlurmdSpoolDir=/var/spool/slurmd
StateSaveLocation=/var/spool/slurmctld
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.pid
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
NodeName=$host Sockets=1 CoresPerSocket=2 ThreadsPerCore=1
PartitionName=all Nodes=ALL Default=YES
END
printf 'CgroupPlugin=cgroup/v1\nIgnoreSystemd=yes\nConstrainCores=no\n' >"$node/etc/slurm/cgroup.conf"

cat >"$node/opt/steps" <<END
#!/bin/sh
#SBATCH --output=/steps.log
export OMP_NUM_THREADS=1
train="/opt/cegzsl/bin/cegzsl train $sizes --seed 7 --max-iterations 3"
srun -n 2 --mpi=pmix \$train --data /demo --run /runs/pmix
echo "pmix: \$?"
srun -n 2 --mpi=pmix \$train --data /nowhere --run /runs/none
echo "pmix without data: \$?"
srun -n 2 --mpi=none \$train --data /demo --run /runs/none
echo "apart: \$?"
srun -n 1 /opt/cegzsl/launch/mpirun 1 \$train --data /demo --run /runs/none
echo "step: \$?"
END
cat >"$node/opt/session" <<END
#!/bin/sh
# Slurm finds no host, and Open MPI no network, where loopback is all there is.
ip link set lo up && ip link add link-1 type veth peer name link-2 && ip link set link-1 up && ip link set link-2 up &&
  ip address add 10.88.0.1/24 dev link-1 || exit 1
[ -s /etc/munge/munge.key ] || mungekey --create
chown -R munge: /etc/munge /var/lib/munge /var/log/munge /run/munge
su munge --shell /bin/sh --command munged
slurmctld && slurmd
tries=0
until sinfo --noheader --format %t | grep -q idle; do
  tries=\$((tries + 1))
  [ "\$tries" -lt 30 ] || exit 1
  sleep 0.5
done
cd /opt/cegzsl
CEGZSL_ROOT=/opt/cegzsl CEGZSL_PROGRAM=/opt/cegzsl/bin/cegzsl sbatch --wait --nodes=1 --ntasks-per-node=2 --cpus-per-task=1 \\
  --output=/sbatch.log launch/slurm.sbatch --data /demo --run /runs/sbatch $sizes --seed 7 --max-iterations 3
echo "sbatch: \$?"
sbatch --wait --ntasks=2 --cpus-per-task=1 /opt/steps
cat /sbatch.log /steps.log
END
# shellcheck disable=SC2016 # the inner shell expands it
expect 0 timeout --signal=KILL 200 unshare --mount --pid --net --fork --kill-child sh -c 'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" &&
  mount -t sysfs sys "$0/sys" && mount -t tmpfs none "$0/sys/fs/cgroup" && exec chroot "$0" sh /opt/session' "$node"
said "^sbatch: 0"
said "^slurm.sbatch: training ended with status 0"
said "^pmix: 0"
said "^pmix without data: 65"
[ "$(grep -c "^cegzsl: /nowhere cannot be used" "$scratch/output")" -eq 1 ] || fail "a shared error is not said exactly once"
said "^apart: 78"
[ "$(grep -c "started 2 processes (SLURM_STEP_NUM_TASKS), but MPI connects 1" "$scratch/output")" -eq 1 ] ||
  fail "ranks that are apart are not told exactly once"
said "^step: 69"
said "this is step .* of Slurm job"
expect 0 train 1 "$scratch/here" --seed 7 --max-iterations 3
expect_same_state "$(checkpoint "$scratch/here" 3)" "$(checkpoint "$node/runs/sbatch" 3)"
expect_same_state "$(checkpoint "$scratch/here" 3)" "$(checkpoint "$node/runs/pmix" 3)"

passed "real Slurm: slurm.sbatch and srun --mpi=pmix give the bytes of one rank; tasks apart 78, launch/mpirun in a step 69"
