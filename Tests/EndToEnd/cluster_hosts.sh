#!/bin/sh
# What launch/cluster asks the hosts before it starts anything: waits for them (--wait-hosts) and names those that do not come, counts
# the slots, finds the network that all are in beside those of containers, and Open MPI's daemon where it is not on the PATH there.
# Two network namespaces and a stand-in for ssh; first, with a stand-in for ip, that tests of hosts skip where none can be entered.
. "$(dirname -- "$0")/support/common.sh"

mkdir "$scratch/bin"
cat >"$scratch/bin/ip" <<'END'
#!/bin/sh
# As in a chroot: namespaces can be made, not entered.
[ "$1 $2" != "netns exec" ] || exit 255
END
chmod +x "$scratch/bin/ip"
expect 0 env PATH="$scratch/bin:$PATH" sh "$root/Tests/EndToEnd/two_hosts.sh"
if [ "$(id -u)" -eq 0 ]; then said "^passed: NOT RUN: .*no network namespace be entered"; else said "^passed: NOT RUN"; fi

. "$(dirname -- "$0")/support/hosts.sh"

# on AGENT [option…]: launch/cluster on the first host; the agent starts commands on both.
on() {
  agent=$1
  shift
  OMPI_MCA_plm_rsh_agent=$agent "$scratch/enter" host-a "$root/launch/cluster" "$scratch/hosts" --threads 1 --bind none "$@"
}

# A host that answers once $scratch/up is there, and one that never does.
cat >"$scratch/late" <<END
#!/bin/sh
if [ "\$1" = 10.77.0.2 ] && [ ! -e "$scratch/up" ]; then exit 255; fi
exec "$scratch/enter" "\$@"
END
chmod +x "$scratch/late"
expect 69 on "$scratch/late" --program "$program" doctor
said "host '10.77.0.2' of .* cannot be reached"
expect 69 on "$scratch/late" --program "$program" --wait-hosts 3 doctor
said "host '10.77.0.2' of .* cannot be reached"
said "after 3 seconds of waiting"
if grep -q "10.77.0.1' of" "$scratch/output"; then fail "a host that answers is named too"; fi
(sleep 4 && touch "$scratch/up") &
expect 0 on "$scratch/late" --program "$program" --wait-hosts 60 doctor
said "^nothing found"

expect 64 on "$scratch/enter" --program "$program" --ranks 3 doctor
said "3 ranks do not fit into the 2 slots"
expect 69 on "$scratch/enter" --program "$scratch/enter-none" doctor
said "there is no program"

# Networks of containers, with addresses before those of the link in every order: one the same on both hosts, one not.
for side in "a 1" "b 2"; do
  # shellcheck disable=SC2086 # two words
  set -- $side
  for device in "docker0 10.5.0.1/16" "cni0 10.6.0.$2/16" "eth9 10.7.0.1/16"; do
    ip -n "$link-$1" link add "${device% *}" type veth peer name "x-${device% *}"
    ip -n "$link-$1" link set "x-${device% *}" up
    ip -n "$link-$1" address add "${device#* }" dev "${device% *}"
    ip -n "$link-$1" link set "${device% *}" up
  done
done
# Names that only the agent knows, so that no route tells.
printf 'host-a slots=1\nhost-b slots=1\n' >"$scratch/hosts"
expect 0 on "$scratch/enter" --program "$program" doctor
said "the hosts talk over 10.77.0.0/24"
said "^nothing found"

# A shell on the hosts with little on its PATH: Open MPI is where it is on the first host. Then nowhere.
mkdir "$scratch/few"
for tool in sh env hostname unshare ip ldd sed cat test; do ln -s "$(command -v "$tool" | grep / || echo /usr/bin/$tool)" "$scratch/few/$tool"; done
cat >"$scratch/narrow" <<END
#!/bin/sh
PATH=$scratch/few exec "$scratch/enter" "\$@"
END
chmod +x "$scratch/narrow"
expect 0 on "$scratch/narrow" --program "$program" doctor
said "^nothing found"
mkdir -p "$scratch/elsewhere/bin"
printf '#!/bin/sh\nexec "%s" "$@"\n' "$(command -v mpirun)" >"$scratch/elsewhere/bin/mpirun"
chmod +x "$scratch/elsewhere/bin/mpirun"
PATH=$scratch/elsewhere/bin:$PATH
export PATH
expect 69 on "$scratch/narrow" --program "$program" doctor
said "host 'host-b' has no \(orted\|prted\) on the PATH"
said "nor in $scratch/elsewhere/bin"

passed "launch/cluster: waits for hosts or names them, counts slots, leaves out networks of containers, finds Open MPI's daemon or says where not"
