#!/bin/sh
# launch/mpirun counts a host file's slots as the mpirun on the PATH does, which prints what it takes for this machine; refuses with 64,
# file, line and cure what that mpirun would not take, or would take for another host; and leaves standard input alone.
. "$(dirname -- "$0")/support/common.sh"
unset OMP_NUM_THREADS
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 PRTE_ALLOW_RUN_AS_ROOT=1 PRTE_ALLOW_RUN_AS_ROOT_CONFIRM=1
hosts=$scratch/hosts
cores=$(sh -c '. "$0" && available_cores' "$root/launch/common.sh")

# Ours is asked with one rank more than the slots, whose number it says.
counted=0
while read -r text; do
  # shellcheck disable=SC2059 # the text has the line ends
  printf "$text\n" >"$hosts"
  theirs=$(mpirun --hostfile "$hosts" --bind-to none --display-allocation true 2>&1 </dev/null |
    sed -n 's/.*[[:space:]]slots=\([0-9]*\) .*/\1/p' | head -n 1)
  expect 64 "$root/launch/mpirun" 1000 --hostfile "$hosts" true
  ours=$(sed -n 's/.*do not fit into the \([0-9]*\) slots.*/\1/p' "$scratch/output")
  [ "${ours:-none}" = "$theirs" ] || fail "'$text': $ours slots here, $theirs in Open MPI"
  counted=$((counted + 1))
done <<'END'
localhost
localhost slots=3
  localhost	slots = 3 # three
localhost cpu=3
localhost count=4
localhost max-slots=3
localhost slots=2 max_slots=3
localhost slots=2\nlocalhost
# a comment\n\nlocalhost slots=5
END

# refused TEXT MESSAGE
refused() {
  # shellcheck disable=SC2059 # the text has the line ends
  printf "$1\n" >"$hosts"
  expect 64 "$root/launch/mpirun" 2 --hostfile "$hosts" true
  said "host file '$hosts', $2"
  [ "$(wc -l <"$scratch/output")" -eq 1 ] || fail "the refusal of '$1' is not one line"
  expect 64 "$root/launch/cluster" "$hosts" train
  said "host file '$hosts', $2"
}
refused 'localhost slots=2\r' 'line 1: it ends as lines do in Windows'
refused '# hosts\nlocalhost SLOTS=2' 'line 2: .*"SLOTS=2".*write slots=2'
refused 'localhost:2' 'line 1: "localhost:2" is no host: write localhost slots=2'
refused 'localhost slots=two' 'line 1: "slots=two" is no number'
refused 'localhost 2' 'line 1: Open MPI would not take "2" for slots: write slots=2'
refused 'localhost slots=99999999999999999999' 'line 1: "slots=9*" is no number of ranks: write slots=N, N from 1 to 100000'
refused 'localhost slots=0' 'line 1: "slots=0" is no number'
refused 'localhost gpus=2' 'line 1: Open MPI knows no "gpus=2"'
refused 'localhost slots=4 max-slots=2' 'line 1: slots=4 is more than max-slots=2'
refused 'localhost slots=1\nlocalhost slots=1' 'line 2: "localhost" has slots on line 1 already'
refused 'fd77::1 slots=1' 'line 1: Open MPI takes no IPv6 address'
refused '\357\273\277localhost slots=1' 'line 1: it starts with a byte order mark'
if mpirun --version </dev/null | grep -q '(Open MPI) 4'; then refused 'host_b slots=1' 'line 1: Open MPI 4 takes no "_"'; fi
refused 'node1, node2' 'line 1: "node1," is no host'
refused '# nobody' 'it names no host'
expect 64 "$root/launch/mpirun" 2 --hostfile "$scratch/none" true
said "cannot read the host file '$scratch/none'"
expect 64 "$root/launch/mpirun" 2 --hostfile "" true
said "hostfile is empty"
expect 64 "$root/launch/cluster" "$scratch" doctor
said "is no file"
# A name that awk would take for an assignment.
(cd "$scratch" && echo 'localhost slots=2' >n=2 && expect 0 "$root/launch/mpirun" 2 --hostfile n=2 sh -c 'echo started' && said started)

# Damaged and hostile ones, drawn from a seed (HOST_FILES: how many, HOST_FILES_SEED): each is counted or refused with one line, and runs nothing.
mkdir "$scratch/mutants" "$scratch/outside"
count=${HOST_FILES:-300} seed=${HOST_FILES_SEED:-1}
awk -v count="$count" -v seed="$seed" -v folder="$scratch/mutants" -v canary="$scratch/outside/canary" '
  function below(n) { return int(rand() * n) }
  function piece(k) {
    k = below(pieces + 3)
    if (k < pieces) return part[k + 1]
    if (k == pieces) return sprintf("%c", 1 + below(255))
    if (k == pieces + 1) return below(2) ? "\n" : " "
    return "$(touch " canary ")"
  }
  BEGIN {
    srand(seed)
    pieces = split("localhost|node-2|10.0.0.2|node3 slots=1\n|slots=2|max-slots=4|cpu=|=|#|node1|user@node2|username=x|`touch " canary "`|;touch " canary "|\"|\047|\\|%n%s|slots=99999999999999999999|slots=-1|slots=0x10|10.0.0.1:22|::1|&|*|../../etc/passwd|\r|\t|,|slots=1e9", part, "|")
    for (i = 1; i <= count; i++) {
      name = folder "/" i
      text = ""
      for (k = below(12); k >= 0; k--) text = text piece() (below(3) ? " " : below(2) ? "\n" : "")
      printf "%s", text >name
      close(name)
    }
  }'
cat >"$scratch/count" <<'END'
. "$1/launch/common.sh"
for file in "$2"/*; do
  status=0
  found=$(count_slots "$file" && echo "slots $slots $fullest") 2>"$3" || status=$?
  printf '%s %s %s %s %s\n' "$status" "$(wc -l <"$3")" "$file" "$found" "$(head -n 1 "$3" | tr -d '\000')"
done
END
expect 0 sh "$scratch/count" "$root" "$scratch/mutants" "$scratch/said"
wrong=$(LC_ALL=C grep -a -v -e '^0 0 [^ ]* slots [0-9]* [0-9]* $' -e "^64 1 [^ ]*  count: host file '[^ ]*', .*" "$scratch/output" | head -n 3)
[ -z "$wrong" ] || fail "seed $seed: neither counted nor refused with one line: $wrong"
[ "$(wc -l <"$scratch/output")" -eq "$count" ] || fail "seed $seed: not a line for each of $count files"
[ -z "$(ls "$scratch/outside")" ] || fail "seed $seed: a host file ran a command"
taken=$(grep -c '^0 ' "$scratch/output" || true)
if [ "$taken" -eq 0 ] || [ "$taken" -eq "$count" ]; then fail "seed $seed: $taken of $count damaged host files were counted"; fi

# A name alone: as many ranks as cores, one thread each.
# shellcheck disable=SC2016 # ranks, not this shell, expand it
threads() { "$root/launch/mpirun" "$1" --hostfile "$hosts" sh -c 'echo "threads $OMP_NUM_THREADS"'; }
echo localhost >"$hosts"
expect 0 threads "$cores"
[ "$(grep -c '^threads 1$' "$scratch/output")" -eq "$cores" ] || fail "not $cores ranks with a thread each"

# The list of a loop is the loop's.
for seed in 1 2 3; do echo "$seed"; done >"$scratch/list"
while read -r seed; do
  "$root/launch/mpirun" 2 "$program" doctor >/dev/null 2>&1 || true
  echo "seed $seed"
done <"$scratch/list" >"$scratch/output"
[ "$(wc -l <"$scratch/output")" -eq 3 ] || fail "mpirun read the loop's list"

passed "$counted host files counted as by $(mpirun --version </dev/null | head -n 1), 16 refused with file, line and cure, $count damaged ones counted ($taken) or refused; standard input left alone"
