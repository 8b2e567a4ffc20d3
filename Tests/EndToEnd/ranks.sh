#!/bin/sh
# The result does not depend on the number of ranks or threads, byte for byte: 1, 2, 3 and 5 ranks with a batch that none
# of them divides, a run that goes on with other numbers of ranks, and every ablation.
. "$(dirname -- "$0")/support/common.sh"

# same RUN RUN ITERATION
same() {
  expect_same_state "$(checkpoint "$scratch/$1" "$3")" "$(checkpoint "$scratch/$2" "$3")"
}

expect 0 train 1 "$scratch/one" --batch-size 101 --max-iterations 12 --threads 1
expect 0 train 1 "$scratch/threads" --batch-size 101 --max-iterations 12 --threads 2
same one threads 12
for ranks in 2 3 5; do
  expect 0 train "$ranks" "$scratch/on$ranks" --batch-size 101 --max-iterations 12
  same one "on$ranks" 12
done
expect 0 train 1 "$scratch/moving" --batch-size 101 --max-iterations 4
expect 0 train 3 "$scratch/moving" --batch-size 101 --max-iterations 8 --resume latest
expect 0 train 2 "$scratch/moving" --batch-size 101 --max-iterations 12 --resume latest
same one moving 12

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
passed "the same bytes on 1, 2, 3 and 5 ranks, and for every ablation"
