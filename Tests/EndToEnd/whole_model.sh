#!/bin/sh
# A checkpoint holds what using its model takes: scaler, classes and, where it was evaluated, the final classifiers, with the same bytes on
# any number of ranks and after a resume. 'evaluate' adds what a checkpoint of a stopped run, or of version 0.1, lacks, in one step that
# leaves the rest as it was; 'show' tells. (That the classifiers give the figures of results.json: TrainingTests/WholeModelTests.swift.)
. "$(dirname -- "$0")/support/common.sh"

parts="model.safetensors optimizer.safetensors classes.safetensors classifier.safetensors"

# has CHECKPOINT FILE…: these files and the manifest, and no others.
has() {
  has_path=$1
  shift
  printf '%s\n' manifest.json "$@" | sort >"$scratch/wanted"
  find "$has_path" -mindepth 1 -printf '%f\n' | sort | diff "$scratch/wanted" - >"$scratch/output" || fail "$has_path does not hold just $*"
}

# same CHECKPOINT CHECKPOINT: all files; manifests but for the number of ranks, and what that changes.
same() {
  for file in $parts; do cmp "$1/$file" "$2/$file" >"$scratch/output" 2>&1 || fail "$file differs between $1 and $2"; done
  for path in "$1" "$2"; do sed '/"rank_count"/d; /"sha256_of_the_lines_above"/d' "$path/manifest.json" >"$scratch/$(basename "$(dirname "$(dirname "$path")")").manifest"; done
  first=$scratch/$(basename "$(dirname "$(dirname "$1")")").manifest second=$scratch/$(basename "$(dirname "$(dirname "$2")")").manifest
  cmp "$first" "$second" >"$scratch/output" 2>&1 || fail "the manifests of $1 and $2 differ"
}

evaluate() {
  evaluate_ranks=$1
  shift
  "$root/launch/mpirun" "$evaluate_ranks" "$program" evaluate --data "$demo" "$@"
}

# The same on 1, 2 and 3 ranks, and in parts on others.
set -- --checkpoint-every 3 --seed 5
for ranks in 1 2 3; do expect 0 train "$ranks" "$scratch/on$ranks" "$@" --max-iterations 6; done
expect 0 train 1 "$scratch/parts" "$@" --max-iterations 3
# shellcheck disable=SC2086 # one word per file
has "$(checkpoint "$scratch/parts" 3)" $parts
cp -r "$scratch/parts" "$scratch/first"
expect 0 train 3 "$scratch/parts" "$@" --max-iterations 6 --resume latest
for run in on2 on3 parts; do same "$(checkpoint "$scratch/on1" 6)" "$(checkpoint "$scratch/$run" 6)"; done

# One that was not evaluated; evaluated on any ranks, it is what a run has that ended there.
bare=$(checkpoint "$scratch/on1" 3)
has "$bare" model.safetensors optimizer.safetensors classes.safetensors
expect 0 "$program" show "$scratch/on1"
said "finished, iteration 6 of 6"
said "30 seen, 8 unseen"
# A completion that was cut short.
echo half >"$bare/classifier.safetensors"
echo half >"$bare/manifest.json.tmp-0123456789abcdef"
cp -r "$scratch/on1" "$scratch/again"
expect 0 train 2 "$scratch/again" "$@" --max-iterations 6 --resume "$(checkpoint "$scratch/again" 3)"
same "$(checkpoint "$scratch/on1" 6)" "$(checkpoint "$scratch/again" 6)"
expect 0 evaluate 2 --checkpoint "$bare"
said "^completed $bare"
# shellcheck disable=SC2086
has "$bare" $parts
same "$(checkpoint "$scratch/first" 3)" "$bare"
# Complete ones stay as they are, whatever the options.
digest "$scratch/on1" >"$scratch/before"
expect 0 evaluate 1 --checkpoint "$scratch/on1"
expect 0 evaluate 1 --checkpoint "$bare" --classifier-epochs 1
digest "$scratch/on1" >"$scratch/after"
diff "$scratch/before" "$scratch/after" >"$scratch/output" || fail "evaluating a complete run changed it"

# A run of version 0.1: its options are in config.yaml.
old=$scratch/old
mkdir -p "$old/checkpoints"
cp -r "$root/Tests/Fixtures/checkpoints/iteration-000000003-of-0.1" "$(checkpoint "$old" 3)"
printf '%s\n' "synthetic-per-class: '5'" "classifier-epochs: '1'" "an-option-of-later: 'x'" >"$old/config.yaml"
cp -r "$old" "$scratch/alone"
expect 0 "$program" show "$old"
said "no classes, no classifiers"
said "evaluate --data .* adds what its checkpoints lack"
unchanged() {
  has "$(checkpoint "$old" 3)" model.safetensors optimizer.safetensors
}
# By nobody else's data or options, and not while someone works there.
"$program" demo-data --out "$scratch/other" --seed 2 >/dev/null
expect 0 "$program" evaluate --data "$scratch/other" --checkpoint "$old"
said "stays without its classifiers: the data set is another one"
expect 0 evaluate 1 --checkpoint "$old" --synthetic-per-class 6
said "stays without its classifiers: synthetic-per-class is 5 in its run and 6 here"
touch "$old/lock"
expect 0 flock "$old/lock" "$program" evaluate --data "$demo" --checkpoint "$old"
said "stays without its classifiers: .* in use"
unchanged
expect 0 evaluate 3 --checkpoint "$old" --output "$scratch/old.json"
said "^completed"
# shellcheck disable=SC2086
has "$(checkpoint "$old" 3)" $parts
grep -q '"synthetic-per-class" : "5"' "$scratch/old.json" || fail "not evaluated with the options of its run"
for file in model.safetensors optimizer.safetensors; do
  cmp "$(checkpoint "$old" 3)/$file" "$root/Tests/Fixtures/checkpoints/iteration-000000003-of-0.1/$file" >"$scratch/output" 2>&1 ||
    fail "$file was changed"
done
# By itself, with options that are given.
mv "$(checkpoint "$scratch/alone" 3)" "$scratch/lone"
expect 0 evaluate 1 --checkpoint "$scratch/lone" --synthetic-per-class 5 --classifier-epochs 1
for file in $parts manifest.json; do
  cmp "$(checkpoint "$old" 3)/$file" "$scratch/lone/$file" >"$scratch/output" 2>&1 || fail "$file differs where it lies by itself"
done

# Data that are not the run's are told.
expect 0 "$program" evaluate --data "$scratch/other" --checkpoint "$scratch/on1"
said "note: these data are not those that the model was trained on"
expect 0 evaluate 1 --checkpoint "$scratch/on1"
if grep -q "^note: these data" "$scratch/output"; then fail "the run's own data are called others"; fi

# Options that only training has are the run's, whatever the command line says.
expect 0 evaluate 1 --checkpoint "$scratch/on1" --epochs 77 --batch-size 7 --output "$scratch/idle.json"
said "evaluate does not train; without effect: --epochs, --batch-size"
expect 0 train 1 "$scratch/of-preset" --preset tiny --max-iterations 2 --classifier-epochs 1
expect 0 evaluate 1 --checkpoint "$scratch/of-preset" --output "$scratch/of-preset.json"
grep -q '"preset" : "tiny"' "$scratch/of-preset.json" || fail "evaluate forgets the run's preset"
for option in '"epochs" : "100"' '"batch-size" : "50"'; do
  grep -q "$option" "$scratch/idle.json" || fail "options of a training that did not happen are recorded"
done

# What was added is verified like the rest.
damage "$(checkpoint "$old" 3)/classifier.safetensors"
expect 66 evaluate 1 --checkpoint "$(checkpoint "$old" 3)"
said "classifier.safetensors"
expect 0 "$program" show "$old"
said "model and optimizer, damaged checkpoint:"
said "30 seen, 8 unseen"
expect 64 "$program" show "$scratch"
said "holds no run"
passed "checkpoints are whole on 1, 2 and 3 ranks and in parts; evaluate completes those of stopped runs and of version 0.1"
