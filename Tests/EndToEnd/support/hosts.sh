# shellcheck shell=sh disable=SC2034,SC2154 # sourced after common.sh
# Two hosts on one machine: network namespaces with names, addresses and a link of their own, and a command that enters them as ssh
# would. Sourced: . "$(dirname "$0")/support/hosts.sh". Ends the script, saying so, where no namespaces can be made; $on_one_host
# is what the script has shown without them, if anything.
#
# sets: $scratch/enter HOST COMMAND…   runs it on host-a or host-b (10.77.0.1, 10.77.0.2)
#       $scratch/hosts                 a host file with one slot each
#       $link                          the namespaces are $link-a and $link-b, their ends of the link $link-1 and $link-2

link=cz$$
remove_hosts() {
  ip netns delete "$link-a" 2>/dev/null || true
  ip netns delete "$link-b" 2>/dev/null || true
  rm -rf "$scratch"
}

no_hosts() {
  remove_hosts
  passed "${on_one_host:+$on_one_host; on two hosts }NOT RUN: $*"
  exit 0
}
if [ "$(id -u)" -ne 0 ] || ! command -v ip >/dev/null || ! ip netns add "$link-a" 2>/dev/null; then
  no_hosts "this machine lets no network namespaces be made (root, iproute2 and a kernel with them are needed)"
fi
# In a chroot they can be made but not entered: that mounts /sys anew.
if ! ip netns exec "$link-a" unshare --uts true >/dev/null 2>&1; then
  no_hosts "this machine lets no network namespace be entered ('ip netns exec' fails, as in a chroot)"
fi
trap remove_hosts EXIT
ip netns add "$link-b"
ip link add "$link-1" netns "$link-a" type veth peer name "$link-2" netns "$link-b" || fail "no veth link"
for side in "a 1" "b 2"; do
  # shellcheck disable=SC2086 # two words
  set -- $side
  ip -n "$link-$1" address add "10.77.0.$2/24" dev "$link-$2"
  ip -n "$link-$1" link set "$link-$2" up
  ip -n "$link-$1" link set lo up
done

cat >"$scratch/enter" <<END
#!/bin/sh
host=\$1
shift
case \$host in host-a | 10.77.0.1) space=$link-a name=host-a ;; *) space=$link-b name=host-b ;; esac
exec ip netns exec "\$space" unshare --uts sh -c 'hostname "\$0"; exec sh -c "\$*"' "\$name" "\$@"
END
chmod +x "$scratch/enter"
printf '10.77.0.1 slots=1\n10.77.0.2 slots=1\n' >"$scratch/hosts"
