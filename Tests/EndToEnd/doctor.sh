#!/bin/sh
# cegzsl doctor: finds nothing on good set-ups, of one host and of two, and each of the usual mistakes: threads on one processor, ranks
# that are strangers to each other, interfaces that lead nowhere, different binaries, a run directory that is not shared.
. "$(dirname -- "$0")/support/common.sh"

# found SUBJECT TEXT: the last command said so, with a cure.
found() {
  said "^$1: .*$2"
  said "^  cure: "
}

expect 0 "$root/launch/mpirun" 2 "$program" doctor --run "$scratch/runs/first" --data "$demo"
said "^nothing found"
[ ! -e "$scratch/runs" ] || fail "the doctor left $scratch/runs behind"
expect 0 "$program" doctor
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
if [ "$(nproc)" -gt 1 ]; then
  expect 78 mpirun -n 1 --host localhost:1 --bind-to core -x OMP_NUM_THREADS=2 "$program" doctor
  found binding "2 threads are bound to 1 processor"
fi
expect 78 env OMPI_COMM_WORLD_SIZE=2 "$program" doctor
found "world size" "started 2 processes (OMPI_COMM_WORLD_SIZE), but they are 1"
expect 78 env SLURM_STEP_NUM_TASKS=2 "$program" train --data "$demo" --run "$scratch/none"
said "started 2 processes (SLURM_STEP_NUM_TASKS), but MPI connects 1"
expect 78 "$root/launch/mpirun" 1 "$program" doctor --run "/proc/none"
found "run directory" "cannot be written"

. "$(dirname -- "$0")/support/hosts.sh"

# on_hosts [option…] doctor…: launch/cluster over both, from the first.
on_hosts() {
  OMPI_MCA_plm_rsh_agent=$scratch/enter "$scratch/enter" host-a "$root/launch/cluster" "$scratch/hosts" --threads 1 --bind none \
    --program "$program" "$@"
}
# found_in_time: a doctor that cannot reach the other host says so, and soon.
found_in_time() {
  status=0
  timeout 60 "$@" >"$scratch/output" 2>&1 </dev/null || status=$?
  case $status in 78 | 79) ;; *) fail "exit status $status, expected 78 or 79: $*" ;; esac
}

expect 0 on_hosts doctor --run "$scratch/runs" --data "$demo"
said "^host-a – host-b: .* MB/s"
said "^nothing found"

for wrong in lo nowhere0 10.99.0.0/16; do
  OMPI_MCA_btl_tcp_if_include=$wrong found_in_time "$scratch/enter" host-a env OMPI_MCA_plm_rsh_agent="$scratch/enter" \
    "$root/launch/mpirun" 2 --hostfile "$scratch/hosts" --threads 1 "$program" doctor --timeout 5
  found network "on host host-"
done
# A bridge of containers: up on both hosts with the same address, leading to neither.
for side in a b; do
  ip -n "$link-$side" link add docker0 type veth peer name docker1
  ip -n "$link-$side" address add 172.17.0.1/16 dev docker0
  ip -n "$link-$side" link set docker0 up
  ip -n "$link-$side" link set docker1 up
done
OMPI_MCA_btl_tcp_if_include=docker0 found_in_time "$scratch/enter" host-a env OMPI_MCA_plm_rsh_agent="$scratch/enter" \
  "$root/launch/mpirun" 2 --hostfile "$scratch/hosts" --threads 1 "$program" doctor --timeout 5
found network docker0
expect 0 on_hosts doctor
for side in a b; do ip -n "$link-$side" link delete docker0; done

# The second host with another binary at the same path, then with a folder of its own where the first has its runs. Both are mounted
# for that host alone.
cp "$program" "$scratch/other"
printf ' ' >>"$scratch/other"
mkdir "$scratch/runs"
sed "s|^exec ip netns exec \"\$space\"|& sh -c 'if [ \"\$0\" = host-b ]; then mount \$MOUNT; fi; exec \"\$@\"' \"\$name\"|" \
  "$scratch/enter" >"$scratch/enter-mounted"
chmod +x "$scratch/enter-mounted"
mv "$scratch/enter-mounted" "$scratch/enter"
MOUNT="--bind $scratch/other $(readlink -f "$program")"
export MOUNT
expect 78 on_hosts doctor
found program "the hosts differ in cegzsl: .* on host-a; .* on host-b"
export MOUNT="-t tmpfs none $scratch/runs"
expect 78 on_hosts doctor --run "$scratch/runs"
found "run directory" "on host-b is not the one of rank 0 (host host-a)"

passed "doctor: nothing on one and two good hosts; binding, world size, interfaces, binaries, run directory each found with a cure"
