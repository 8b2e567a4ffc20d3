#!/bin/sh
# The exit status says what went wrong, the same with mpirun and without, and a refused command leaves the run
# directory free for the corrected one.
. "$(dirname -- "$0")/support/common.sh"

run=$scratch/run
mkdir "$scratch/empty"
for data in "$scratch/nowhere" "$scratch/empty"; do
  expect 65 "$program" train --data "$data" --run "$run"
  said "$data"
  expect 65 "$root/launch/mpirun" 2 "$program" train --data "$data" --run "$run"
  said "$data"
done

mkdir "$scratch/torn"
cp "$demo/att_splits.mat" "$scratch/torn/"
dd if="$demo/res101.mat" of="$scratch/torn/res101.mat" bs=1000 count=100 2>/dev/null
expect 65 "$root/launch/mpirun" 2 "$program" train --data "$scratch/torn" --run "$run"
said "res101.mat"

expect 64 "$program" train --data "$demo" --run "$run" --no-such-option 1
said "no-such-option"
expect 64 train 2 "$run" --no-such-option 1
said "no-such-option"
expect 64 train 2 "$run" --batch-size 0
said "batch-size"
# Words of the command line that no option takes; names nearly right, of a run's options and of the command's own.
expect 64 "$program" train --data "$demo" --run "$run" stray
said "'stray' belongs to no option"
expect 64 "$program" train --data "$demo" --run "$run" --bacth-size=3
said "no option '--bacth-size=3'; did you mean '--batch-size'"
expect 64 "$program" benchmark --iteration 3
said "no option '--iteration'; did you mean '--iterations'"
expect 64 "$program" train --data "$demo" --run "$run" --seed
said "seed needs a value: a whole number"
# The last of several counts, in front of everything else.
expect 64 "$program" benchmark --preset tiny --preset nowhere
said "no preset 'nowhere'"

expect 64 train 2 "$run" --preset no-such-preset
said "no-such-preset"
expect 64 train 2 "$run" --batch-size 1000000
said "at most"
printf 'batch-sise: 3\n' >"$scratch/wrong.yaml"
expect 64 train 2 "$run" --config "$scratch/wrong.yaml"
said "batch-size" # the name that was meant
# bad_file TEXT MESSAGE: of a configuration file, with its line.
bad_file() {
  # shellcheck disable=SC2059 # the text has the line ends
  printf "$1" >"$scratch/bad.yaml"
  expect 64 train 2 "$run" --config "$scratch/bad.yaml"
  said "^cegzsl: $scratch/bad.yaml, line $2"
  [ "$(wc -l <"$scratch/output")" -eq 1 ] || fail "more than one line"
}
bad_file 'seed: 1\nkeep: 2\nseed: 2\n' "3: 'seed' is given twice, first on line 1"
bad_file 'seed: 1\n\tkeep: 2\n' "2: 'keep: 2' is no YAML"
bad_file 'seed: [1,\n' "1: 'seed: \[1,' is no YAML"
bad_file 'seed:\n  a: 1\n' "2: 'seed' is a list or mapping"
bad_file 'hello\n' "1: 'hello' is no option"

# Memory that the system refuses.
expect 74 prlimit --as=900000000 "$program" benchmark --preset awa1 --batch-size 4096 --iterations 1
said "the system refused .* MiB more. Use a smaller --micro-batch-size"

expect 65 "$program" inspect --data "$scratch/nowhere"
expect 66 "$program" evaluate --data "$demo" --checkpoint "$scratch/nowhere"
mkdir "$scratch/no-checkpoint"
expect 66 train 2 "$run" --max-iterations 2 --resume "$scratch/no-checkpoint"
said "no-checkpoint"

# None of these refusals may stand in the way of the corrected command.
expect 0 train 2 "$run" --max-iterations 2

passed "missing and torn data 65, wrong options 64, bad checkpoint 66, memory refused 74"
