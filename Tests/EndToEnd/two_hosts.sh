#!/bin/sh
# Two hosts, as network namespaces with names and addresses of their own: mpirun starts a rank on each, they talk over TCP,
# and the model has the bytes of a run on one host. Needs root and a kernel with namespaces; says so where it has neither.
. "$(dirname -- "$0")/support/common.sh"

link=cz$$
cleanup() {
  ip netns delete "$link-a" 2>/dev/null || true
  ip netns delete "$link-b" 2>/dev/null || true
  rm -rf "$scratch"
}

if [ "$(id -u)" -ne 0 ] || ! command -v ip >/dev/null || ! ip netns add "$link-a" 2>/dev/null; then
  passed "NOT RUN: this machine lets no network namespaces be made (root, iproute2 and a kernel with them are needed)"
  exit 0
fi
trap cleanup EXIT
ip netns add "$link-b"
ip link add "$link-1" netns "$link-a" type veth peer name "$link-2" netns "$link-b" || fail "no veth link"
for side in "a 1" "b 2"; do
  # shellcheck disable=SC2086 # two words
  set -- $side
  ip -n "$link-$1" address add "10.77.0.$2/24" dev "$link-$2"
  ip -n "$link-$1" link set "$link-$2" up
  ip -n "$link-$1" link set lo up
done

# enter HOST COMMAND…: runs it in that namespace, under that host name. Open MPI's launcher calls it as it would ssh.
cat >"$scratch/enter" <<EOF
#!/bin/sh
host=\$1
shift
case \$host in host-a | 10.77.0.1) space=$link-a name=host-a ;; *) space=$link-b name=host-b ;; esac
exec ip netns exec "\$space" unshare --uts sh -c 'hostname "\$0"; exec sh -c "\$*"' "\$name" "\$@"
EOF
chmod +x "$scratch/enter"
printf '10.77.0.1 slots=1\n10.77.0.2 slots=1\n' >"$scratch/hosts"

# on_two_hosts RUN [option…]: as `train`, from the first host.
on_two_hosts() {
  two_hosts_run=$1
  shift
  # shellcheck disable=SC2086 # one word per option
  OMPI_MCA_plm_rsh_agent=$scratch/enter "$scratch/enter" host-a "$root/launch/mpirun" 2 --hostfile "$scratch/hosts" \
    --interface 10.77.0.0/24 "$program" train --data "$demo" --run "$two_hosts_run" $sizes "$@"
}

expect 0 train 1 "$scratch/one" --seed 3 --max-iterations 6
expect 0 on_two_hosts "$scratch/two" --seed 3 --max-iterations 6
expect_same_state "$(checkpoint "$scratch/one" 6)" "$(checkpoint "$scratch/two" 6)"

# Products so large that they are cut into pieces, with breaks in which messages move on.
wide="--batch-size 1600 --embedding-size 2048 --comparator-width 2048 --seed 3 --max-iterations 1"
# shellcheck disable=SC2086 # one word per option
expect 0 train 1 "$scratch/wide-one" $wide
# shellcheck disable=SC2086 # one word per option
expect 0 on_two_hosts "$scratch/wide-two" $wide
expect_same_state "$(checkpoint "$scratch/wide-one" 1)" "$(checkpoint "$scratch/wide-two" 1)"

passed "two hosts over TCP give the bytes of one"
