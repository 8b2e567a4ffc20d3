#!/bin/sh
# Two hosts, as network namespaces with names and addresses of their own: mpirun starts a rank on each, they talk over TCP,
# and the model has the bytes of a run on one host, also one that moves from hosts to hosts. Needs root and a kernel with
# namespaces; says so where it has neither.
. "$(dirname -- "$0")/support/common.sh"
. "$(dirname -- "$0")/support/hosts.sh"

# on_two_hosts RUN [option…]: as `train`, from the first host.
on_two_hosts() {
  two_hosts_run=$1
  shift
  # shellcheck disable=SC2086 # one word per option
  OMPI_MCA_plm_rsh_agent=$scratch/enter "$scratch/enter" host-a "$root/launch/mpirun" "${on_hosts:-2}" --hostfile "$scratch/hosts" \
    --interface 10.77.0.0/24 "$program" train --data "$demo" --run "$two_hosts_run" $sizes "$@"
}

expect 0 train 1 "$scratch/one" --seed 3 --max-iterations 6
expect 0 on_two_hosts "$scratch/two" --seed 3 --max-iterations 6
expect_same_state "$(checkpoint "$scratch/one" 6)" "$(checkpoint "$scratch/two" 6)"

# plan measures the links and what messages take from a rank's cores.
expect 0 env OMPI_MCA_plm_rsh_agent="$scratch/enter" "$scratch/enter" host-a "$root/launch/mpirun" 2 --hostfile "$scratch/hosts" \
  --interface 10.77.0.0/24 "$program" plan --preset tiny --ranks 4 --threads 1
said "1 rank(s) a host; links measured: .* between hosts, [0-9.]* ns of a rank's own work a byte"
if grep -q 'nan\|inf' "$scratch/output"; then fail "a prediction is no number"; fi

# Products so large that they are cut into pieces, with breaks in which messages move on.
wide="--batch-size 1600 --embedding-size 2048 --comparator-width 2048 --seed 3 --max-iterations 1"
# shellcheck disable=SC2086 # one word per option
expect 0 train 1 "$scratch/wide-one" $wide
# shellcheck disable=SC2086 # one word per option
expect 0 on_two_hosts "$scratch/wide-two" $wide
expect_same_state "$(checkpoint "$scratch/wide-one" 1)" "$(checkpoint "$scratch/wide-two" 1)"

# Several ranks a host share parameters and sums in memory, and a host's sums leave it once: as many on both, and unevenly.
printf '10.77.0.1 slots=2\n10.77.0.2 slots=2\n' >"$scratch/hosts"
for ranks in 3 4; do
  on_hosts=$ranks
  expect 0 on_two_hosts "$scratch/on-$ranks" --seed 3 --max-iterations 6
  expect_same_state "$(checkpoint "$scratch/one" 6)" "$(checkpoint "$scratch/on-$ranks" 6)"
done
on_hosts=4
expect 0 on_two_hosts "$scratch/grouped" --seed 3 --max-iterations 6 --micro-batch-size 16
expect_same_state "$(checkpoint "$scratch/one" 6)" "$(checkpoint "$scratch/grouped" 6)"
on_hosts=2
printf '10.77.0.1 slots=1\n10.77.0.2 slots=1\n' >"$scratch/hosts"

# A run that moves: 1 rank, 2, 4, a rank on each of two hosts, the same hosts the other way round, 1 rank again.
set -- --batch-size 101 --seed 5 --reproducible
expect 0 train 1 "$scratch/still" "$@" --max-iterations 12
expect 0 train 1 "$scratch/moving" "$@" --max-iterations 2 --threads 2
expect 0 train 2 "$scratch/moving" "$@" --max-iterations 4 --resume latest
expect 0 train 4 "$scratch/moving" "$@" --max-iterations 6 --resume latest
expect 0 on_two_hosts "$scratch/moving" "$@" --max-iterations 8 --resume latest
printf '10.77.0.2 slots=1\n10.77.0.1 slots=1\n' >"$scratch/hosts"
expect 0 on_two_hosts "$scratch/moving" "$@" --max-iterations 10 --resume latest
expect 0 train 1 "$scratch/moving" "$@" --max-iterations 12 --resume latest
expect_same_state "$(checkpoint "$scratch/still" 12)" "$(checkpoint "$scratch/moving" 12)"

passed "two hosts with 2, 3 and 4 ranks over TCP give the bytes of one, and so does a run that moves from 1 rank to 2, 4, two hosts and back"
