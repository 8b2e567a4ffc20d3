#!/bin/sh
# The result does not depend on the number of ranks or threads, byte for byte: 1 to 7 ranks with a batch that none of them divides (its
# leaves are shared out unevenly, so that some ranks send several nodes of the tree), runs that go on with other numbers of ranks, and
# every ablation. The losses that are reported are the same numbers.
. "$(dirname -- "$0")/support/common.sh"

# same RUN RUN ITERATION
same() {
  expect_same_state "$(checkpoint "$scratch/$1" "$3")" "$(checkpoint "$scratch/$2" "$3")"
  for run in "$1" "$2"; do sed 's/"samples_per_second.*//; s/"seconds".*//' "$scratch/$run/metrics.jsonl" >"$scratch/losses-$run"; done
  cmp "$scratch/losses-$1" "$scratch/losses-$2" >"$scratch/output" 2>&1 || fail "the losses of $1 and $2 differ"
}

expect 0 train 1 "$scratch/one" --batch-size 101 --max-iterations 30 --threads 1
expect 0 train 1 "$scratch/threads" --batch-size 101 --max-iterations 30 --threads 2
same one threads 30
for ranks in 2 3 4 5 7; do
  expect 0 train "$ranks" "$scratch/on$ranks" --batch-size 101 --max-iterations 30
  same one "on$ranks" 30
done
last=0
for ranks in 1 3 7 2 5 4; do
  last=$((last + 5))
  expect 0 train "$ranks" "$scratch/moving" --batch-size 101 --max-iterations "$last" --resume latest
done
same one moving 30

for embedding in none semantic instance class; do
  expect 0 train 1 "$scratch/$embedding-1" --embedding "$embedding" --max-iterations 4
  expect 0 train 2 "$scratch/$embedding-2" --embedding "$embedding" --max-iterations 4
  same "$embedding-1" "$embedding-2" 4
done

# The authors' accumulating comparator gradient resumes like any other state.
expect 0 train 2 "$scratch/quirk" --accumulate-comparator-gradient --max-iterations 6
expect 0 train 2 "$scratch/parts" --accumulate-comparator-gradient --max-iterations 3
expect 0 train 2 "$scratch/parts" --accumulate-comparator-gradient --max-iterations 6 --resume latest
same quirk parts 6

expect 0 train 2 "$scratch/selected" --select validation --max-iterations 8 --evaluate-every 4
grep -q '"selection" : "validation"' "$scratch/selected/results.json" || fail "the selection is not recorded"
passed "the same bytes and losses on 1, 2, 3, 4, 5 and 7 ranks, moving from any to any, and for every ablation"
