#!/bin/sh
# A sweep of two points with two seeds is killed, stopped by a signal, and resumed: it ends with the table of one that was left alone, byte
# for byte. Its runs are resumed, not begun again; a failed point is named; tasks of a job array share the runs; runs and report read it.
. "$(dirname -- "$0")/support/common.sh"

{
  echo "options:"
  echo "  {batch-size: 50, generator-width: 64, critic-width: 64, embedding-size: 32, projection-size: 16, comparator-width: 32,"
  echo "   synthetic-per-class: 20, classifier-epochs: 2, learning-rate: 0.003, max-iterations: 24, checkpoint-every: 1, keep: 2}"
  echo "grid: {noise-size: [8, 16]}"
  echo "seeds: 2"
  echo "winner-seeds: 2"
} >"$scratch/noise.yaml"
sweep() {
  sweep_folder=$1
  shift
  "$program" sweep "$scratch/noise.yaml" --data "$demo" --output "$sweep_folder" "$@"
}
same_table() {
  for table in table.txt table.json; do
    cmp "$scratch/whole/$table" "$1/$table" >"$scratch/output" 2>&1 || fail "$table of $1 differs from that of the undisturbed sweep"
  done
}

expect 0 sweep "$scratch/whole"
said "^\* [12] "
said "with 2 other seed(s), on test rows"

# Once killed outright, once told to stop, each while a run is under way.
cut=$scratch/cut
lines() { if [ -e "$cut/$1/metrics.jsonl" ]; then wc -l <"$cut/$1/metrics.jsonl"; else echo 0; fi; }
is_under_way() { [ "$(lines "$1")" -ge 3 ]; }
# begin: the program itself in the background, as the signals are for that process.
begin() {
  "$program" sweep "$scratch/noise.yaml" --data "$demo" --output "$cut" >"$scratch/output" 2>&1 </dev/null &
  sweeping=$!
}
is_free() { flock --nonblock --shared "$cut/$1/lock" true; }
begin
wait_until 60 is_under_way point-002/seed-1 || fail "the second run does not begin"
kill -KILL "$sweeping"
wait "$sweeping" 2>/dev/null || true
wait_until 60 is_free point-002/seed-1 || fail "a run outlives its sweep"
[ "$(lines point-002/seed-1)" -lt 24 ] || fail "the run was not interrupted"
[ ! -e "$cut/point-002/seed-1.json" ] || fail "an interrupted run has an outcome"

begin
wait_until 60 is_under_way point-001/seed-2 || fail "the third run does not begin"
kill -TERM "$sweeping"
status=0
wait "$sweeping" || status=$?
[ "$status" -eq 75 ] || fail "SIGTERM ended the sweep with $status"
said "point-001/seed-2 was interrupted"
[ "$(lines point-001/seed-2)" -lt 24 ] || fail "the run was not interrupted"
grep -q "resuming .*point-002/seed-1/checkpoints" "$cut/point-002/seed-1.log" || fail "the killed run was begun again"

expect 0 sweep "$cut"
same_table "$cut"
expect 0 "$program" sweep "$scratch/noise.yaml" --data "$demo/" --output "$cut"
said "4 run(s), 0 to do"

# Another sweep does not mix with it.
sed 's/16\]/17]/' "$scratch/noise.yaml" >"$scratch/other.yaml"
expect 64 "$program" sweep "$scratch/other.yaml" --data "$demo" --output "$cut"
said "holds another sweep: points differ"

printf 'grid: {noise-size: [8]}\nrandom: {points: 2, options: {noise-size: {from: 3, to: 400}}}\n' >"$scratch/both.yaml"
expect 64 "$program" sweep "$scratch/both.yaml" --data "$demo" --output "$scratch/none"
said "'noise-size' stands in grid and in random"
expect 64 "$program" sweep "$scratch/noise.yaml" --data "$scratch/nowhere" --output "$scratch/none"
said "there is no $scratch/nowhere"
printf 'grid: {preset: [tiny, nosuch]}\n' >"$scratch/preset.yaml"
expect 64 "$program" sweep "$scratch/preset.yaml" --data "$demo" --output "$scratch/none" --dry-run
said "no preset 'nosuch'"
: >"$scratch/empty.yaml"
expect 64 "$program" sweep "$scratch/empty.yaml" --data "$demo" --output "$scratch/none"
[ ! -e "$scratch/none" ] || fail "a refused sweep left a folder"

# Three tasks, one after the other in any order; then the winner and the table.
shared=$scratch/shared
expect 0 sweep "$shared" --task 2 --tasks 3
said "those of other tasks are not"
expect 0 sweep "$shared" --task 0 --tasks 3
expect 0 sweep "$shared" --task 1 --tasks 3
expect 0 sweep "$shared"
same_table "$shared"

# A batch that is larger than the data is an error of its own point alone.
sed -e 's/grid: .*/grid: {batch-size: [50, 100000]}/' -e 's/batch-size: 50, //' -e 's/seeds: 2/seeds: 1/' "$scratch/noise.yaml" >"$scratch/failing.yaml"
expect 0 "$program" sweep "$scratch/failing.yaml" --data "$demo" --output "$scratch/failing"
said "point-002/seed-1 failed with 64: usage"
said "seed 1 failed, 64: usage"
said "^\* 1 "

# Where every point fails, so does the sweep, as they do; one whose runs cannot be started begins nothing.
sed -i 's/\[50, 100000\]/[90000, 100000]/' "$scratch/failing.yaml"
expect 64 "$program" sweep "$scratch/failing.yaml" --data "$demo" --output "$scratch/hopeless"
said "there is no winner"
expect 69 "$program" sweep "$scratch/noise.yaml" --data "$demo" --output "$scratch/none" --launcher "$scratch/nowhere 2"
said "there is no program '$scratch/nowhere'"
[ ! -e "$scratch/none" ] || fail "a refused sweep left a folder"

expect 0 "$program" runs "$scratch/whole" --sort validation
[ "$(wc -l <"$scratch/output")" -eq 7 ] || fail "runs does not list six runs"
expect 64 "$program" runs "$scratch/whole" --sort H
expect 0 "$program" report "$scratch/whole/point-001/seed-1" "$scratch/whole/point-002/seed-1" --output "$scratch/two.html"
grep -q '<code>noise-size</code></th><td class="text">8</td><td class="text">16</td>' "$scratch/two.html" || fail "the report lacks the difference"
grep -q 'Principal components' "$scratch/two.html" || fail "the report lacks the map"
mv "$demo" "$demo.moved"
expect 0 "$program" report "$scratch/whole/point-001/seed-1" --output "$scratch/two.html"
mv "$demo.moved" "$demo"
grep -q 'No map: ' "$scratch/two.html" || fail "the report does not say that it has no map"

passed "a sweep that was killed and stopped ends with the table of the undisturbed one; so do three tasks of a job array"
