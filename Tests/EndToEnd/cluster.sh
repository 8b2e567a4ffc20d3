#!/bin/sh
# launch/cluster over two hosts (network namespaces): finds the network, trains to the bytes of one host, names a host that cannot be
# used, notices one that vanishes (205), leaves nothing behind there, and goes on once it is back.
. "$(dirname -- "$0")/support/common.sh"
. "$(dirname -- "$0")/support/hosts.sh"
. "$(dirname -- "$0")/support/processes.sh"
trap 'if [ -n "$launcher" ]; then kill -KILL $(descendants "$launcher") "$launcher" 2>/dev/null || true; fi; remove_hosts' EXIT

# cluster [option…] -- [train option…]: launch/cluster on the first host.
cluster() {
  OMPI_MCA_plm_rsh_agent=$scratch/enter exec "$scratch/enter" host-a "$root/launch/cluster" "$scratch/hosts" --threads 1 \
    --bind none --program "$program" "$@"
}
# shellcheck disable=SC2086 # one word per option
in_foreground() (cluster "$@" --data "$demo" $sizes --seed 7)

iterations=200
expect 0 train 1 "$scratch/whole" --seed 7 --checkpoint-every 5 --epochs 1000000 --max-iterations "$iterations"
set -- --checkpoint-every 5 --epochs 1000000 --max-iterations "$iterations"
expect 0 in_foreground train --run "$scratch/two" "$@"
said "the hosts talk over 10.77.0.0/24"
expect_same_state "$(checkpoint "$scratch/whole" "$iterations")" "$(checkpoint "$scratch/two" "$iterations")"

# A host that is not there.
printf '10.77.0.1 slots=1\n10.77.0.9 slots=1\n' >"$scratch/wrong-hosts"
cat >"$scratch/refuse" <<END
#!/bin/sh
[ "\$1" != 10.77.0.9 ] || exit 255
exec "$scratch/enter" "\$@"
END
chmod +x "$scratch/refuse"
expect 69 env OMPI_MCA_plm_rsh_agent="$scratch/refuse" "$root/launch/cluster" "$scratch/wrong-hosts" --program "$program" \
  train --data "$demo" --run "$scratch/none"
said "host '10.77.0.9' of .* cannot be reached"

# vanish RUN RESTARTS PATIENCE: starts a run and takes the second host's link away once something is saved.
vanish() {
  run=$1 restarts=$2 patience=$3
  shift 3
  # shellcheck disable=SC2086 # one word per option
  cluster --max-restarts "$restarts" --patience "$patience" train --data "$demo" --run "$run" $sizes --seed 7 "$@" >"$scratch/output" 2>&1 </dev/null &
  launcher=$!
  wait_until 60 has_saved || fail "no checkpoint within 60 seconds"
  ip -n "$link-b" link set "$link-2" down
}
has_saved() { has_ended || ls "$run"/checkpoints/iteration-* >/dev/null 2>&1; }
nothing_left() { ! pgrep -f "train --data $demo --run $run " >/dev/null; }

vanish "$scratch/vanished" 0 0 --checkpoint-every 5 --epochs 1000000 --max-iterations 1000000
wait_until 20 has_ended || fail "a vanished host was not noticed within 20 seconds"
wait_for_end 205
wait_until 20 nothing_left || fail "a rank is still running 20 seconds after its host vanished"
ip -n "$link-b" link set "$link-2" up

vanish "$scratch/back" 1 300 "$@"
# The namespace can be entered without its link: so the host is found, but mpirun does not reach it, until the link is there.
tries_again() { has_ended || grep -q "a host is gone again; another try" "$scratch/output"; }
wait_until 20 tries_again || fail "a vanished host was not noticed within 20 seconds"
ip -n "$link-b" link set "$link-2" up
wait_for_end 0
said "ended with status 205; starting again"
expect_same_state "$(checkpoint "$scratch/whole" "$iterations")" "$(checkpoint "$scratch/back" "$iterations")"

vanish "$scratch/gone" 1 1 "$@"
wait_for_end 69

passed "launch/cluster: two hosts give the bytes of one; a host vanishes: 205, nothing left, started again to the same bytes; it stays away: 69"
