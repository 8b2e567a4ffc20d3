#!/bin/sh
# A run that exists is refused (64) and left as it is; '--resume latest' where there is no checkpoint yet starts afresh. What is refused, or has
# nothing to do, leaves a run of two phases as it was. No output replaces an input, nor anything but a plain file, and demo data no other data.
. "$(dirname -- "$0")/support/common.sh"

run=$scratch/run
expect 0 train 2 "$run" --seed 7 --max-iterations 3 --resume latest
[ -e "$(checkpoint "$run" 3)/manifest.json" ] || fail "no checkpoint after the last iteration"
[ -s "$run/config.yaml" ] || fail "no config.yaml"
[ -s "$run/results.json" ] || fail "no results.json"

digest "$run" >"$scratch/before"
expect 64 train 2 "$run" --seed 7 --max-iterations 5
said "--resume latest"
digest "$run" >"$scratch/after"
diff "$scratch/before" "$scratch/after" >"$scratch/output" || fail "the refused command changed the existing run"

# What a run of two phases says of itself, after a refusal or with nothing to do.
chosen=$scratch/chosen
expect 0 train 1 "$chosen" --seed 7 --max-iterations 4 --select validation
told() { cat "$chosen/config.yaml" "$chosen/results.json" "$chosen/selection.json" "$chosen/selection/config.yaml"; }
told >"$scratch/before"
unchanged() {
  told >"$scratch/after" 2>&1
  cmp -s "$scratch/before" "$scratch/after" || fail "changed by a refused resume with $*"
}
resume() {
  resume_status=$1
  shift
  expect "$resume_status" train 1 "$chosen" --seed 7 --max-iterations 4 --select validation --resume latest "$@"
  unchanged "$@"
}
resume 66 --batch-size 40
said "batch-size was 50 and is 40"
resume 64 --head zla
resume 0 --max-iterations 2
said "nothing is done or changed"
resume 0
expect 66 train 1 "$run" --seed 7 --max-iterations 5 --resume latest --select validation
said "select was last and is validation"
grep -q "^select: last" "$run/config.yaml" || fail "a refused resume changed config.yaml"

expect 64 train 1 "$scratch/nothing" --select validation --batch-size 100000
[ ! -e "$scratch/nothing" ] || fail "a refused run left a directory"
cp -r "$demo" "$scratch/its-own"
expect 64 "$program" train --data "$scratch/its-own" --run "$scratch/its-own/" --preset tiny --max-iterations 1
said "is the input too"
[ ! -e "$scratch/its-own/config.yaml" ] || fail "a run began in the data folder"

# Outputs.
(cd "$scratch" && cp -r "$demo" data && cp "$run/config.yaml" config.kept)
cd "$scratch"
for output in data/att_splits.mat data/res101.mat; do
  expect 64 "$program" baseline --data data --output $output
  said "a file of the input data"
done
expect 0 "$program" convert data d.npz
expect 64 "$program" baseline --data d.npz --output d.npz
expect 64 "$program" report run --without-map --output run/config.yaml
cmp -s run/config.yaml config.kept || fail "a report replaced config.yaml"
for option in --output --figures --predictions; do
  mkfifo fifo
  expect 74 "$program" evaluate --data data --checkpoint run $option fifo
  said "fifo"
  [ -p fifo ] || fail "evaluate $option replaced a fifo"
  rm fifo
done
expect 64 "$program" evaluate --data data --checkpoint run --output e --figures e
expect 0 "$program" demo-data --out data
cp data/res101.mat other.mat
cp d.npz data/res101.mat
expect 65 "$program" demo-data --out data
cmp -s d.npz data/res101.mat || fail "demo data replaced other data"
expect 64 "$program" demo-data --out ""
expect 64 "$program" convert d.npz ""
expect 64 "$program" train --data d.npz --run "" --preset tiny --max-iterations 1
# Paths of one character.
expect 0 "$program" demo-data --out d
expect 0 "$program" baseline --data d --output b
expect 0 "$program" convert d e
expect 0 "$program" export --run run --format npz --part generator --output g

passed "an existing run is refused and unchanged, and so is one of two phases; no output replaces an input, a fifo or other data"
