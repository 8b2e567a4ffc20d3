#!/bin/sh
# On a terminal training shows one line that is written anew, narrower than the terminal, and gone in the end. A file gets nothing of it, also
# under mpirun, which gives its ranks a terminal of their own wherever their lines go.
. "$(dirname -- "$0")/support/common.sh"

command -v script >/dev/null || {
  echo "passed: NOT RUN: there is no 'script', which makes a terminal"
  exit 0
}
export TERM=xterm
escape=$(printf '\033')
options="--data '$demo' $sizes --max-iterations 30 --evaluate-every 15"

# in_terminal COMMAND: with a terminal of 60 columns; what appears on it is in $scratch/screen.
in_terminal() {
  script --quiet --return --command "stty cols 60; $1" "$scratch/screen" >"$scratch/output" 2>&1 </dev/null ||
    fail "exit status $?: $1"
}
# states: what the line said, one state a line.
states() { tr '\r' '\n' <"$scratch/screen" | sed -n "s/^$escape\[K\(iteration .*\)/\1/p"; }
shows_one_line() {
  [ "$(states | wc -l)" -ge 2 ] || fail "$1: the line appears $(states | wc -l) times"
  states | awk 'length($0) > 59 { exit 1 }' || fail "$1: the line is as wide as the terminal"
  states | tail -n 1 | grep -q "^iteration 30/30  100 %  0 s left  H [0-9.]*  critic" || fail "$1: the last state is '$(states | tail -n 1)'"
  grep -q "evaluation after iteration 15: " "$scratch/screen" || fail "$1: an evaluation does not stay"
}
is_plain() {
  if grep -q "$escape" "$2" "$scratch/screen"; then fail "$1: something of the line is in a file"; fi
  grep -q "^iteration 30/30 epoch" "$2" || fail "$1: the file lacks the lines that it had"
}

in_terminal "'$program' train --run '$scratch/alone' $options"
shows_one_line "alone"
in_terminal "'$root/launch/mpirun' 2 '$program' train --run '$scratch/ranks' $options"
shows_one_line "two ranks"
in_terminal "'$program' train --run '$scratch/file' $options >'$scratch/alone.log'"
is_plain "alone" "$scratch/alone.log"
in_terminal "'$root/launch/mpirun' 2 '$program' train --run '$scratch/file2' $options >'$scratch/ranks.log'"
is_plain "two ranks" "$scratch/ranks.log"
in_terminal "TERM=dumb '$program' train --run '$scratch/dumb' $options"
if grep -q "$escape" "$scratch/screen"; then fail "a terminal that knows no control characters gets some"; fi

passed "a terminal shows one line that is written anew, a file none of it"
