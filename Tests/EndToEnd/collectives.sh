#!/bin/sh
# What every communicator promises (Tests/CollectivesTests/Contract.swift), asked of real MPI: each rank of mpirun runs that test, on one
# host, and on two where network namespaces can be made. In Swift tests, threads stand in for MPI and are asked the same.
. "$(dirname -- "$0")/support/common.sh"

expect 0 sh -c "cd '$root' && swift build --product cegzslPackageTests"
contract="$(cd "$root" && swift build --show-bin-path)/cegzslPackageTests.xctest --testing-library swift-testing --filter MPITests"

# A filter that fits no test passes as well.
asked() {
  found=$(grep -a -c 'Test run with 1 test .*passed' "$scratch/output") || true
  [ "$found" -eq "$1" ] || fail "$found of $1 ranks passed"
}

for ranks in 1 2 3 5; do
  # shellcheck disable=SC2086 # one word per argument
  expect 0 "$root/launch/mpirun" "$ranks" $contract
  asked "$ranks"
done
on_one_host="MPI on 1, 2, 3 and 5 ranks keeps what communicators promise"

. "$(dirname -- "$0")/support/hosts.sh"
printf '10.77.0.1 slots=2\n10.77.0.2 slots=1\n' >"$scratch/hosts"
# shellcheck disable=SC2086 # one word per argument
expect 0 env OMPI_MCA_plm_rsh_agent="$scratch/enter" "$scratch/enter" host-a "$root/launch/mpirun" 3 --hostfile "$scratch/hosts" \
  --interface 10.77.0.0/24 $contract
asked 3
passed "$on_one_host, and so on two hosts with 2 and 1 ranks"
