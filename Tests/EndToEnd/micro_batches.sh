#!/bin/sh
# A rank's rows in groups: the bytes of all at once, on any number of ranks, groups of any size, projections kept or gathered twice, also
# where a run goes on with another cut.
. "$(dirname -- "$0")/support/common.sh"

set -- --seed 5 --max-iterations 4
expect 0 train 1 "$scratch/whole" "$@"
for ways in "1 20" "1 1" "2 7" "3 30" "5 13"; do
  ranks=${ways% *} rows=${ways#* }
  expect 0 train "$ranks" "$scratch/$ranks-$rows" "$@" --micro-batch-size "$rows"
  expect_same_state "$(checkpoint "$scratch/whole" 4)" "$(checkpoint "$scratch/$ranks-$rows" 4)"
  cut -d '"' -f 1-40 "$scratch/whole/metrics.jsonl" | sed 's/"seconds.*//' >"$scratch/losses"
  cut -d '"' -f 1-40 "$scratch/$ranks-$rows/metrics.jsonl" | sed 's/"seconds.*//' | cmp -s - "$scratch/losses" ||
    fail "other losses on $ranks rank(s) in groups of $rows rows"
done
expect 0 train 2 "$scratch/moving" --seed 5 --max-iterations 2 --micro-batch-size 20
expect 0 train 3 "$scratch/moving" "$@" --micro-batch-size 9 --resume latest
expect_same_state "$(checkpoint "$scratch/whole" 4)" "$(checkpoint "$scratch/moving" 4)"

# More rows than the least that is gathered at once.
set -- --seed 5 --batch-size 1100 --max-iterations 2
expect 0 train 1 "$scratch/large" "$@"
expect 0 train 3 "$scratch/streamed" "$@" --projection-memory 0
expect_same_state "$(checkpoint "$scratch/large" 2)" "$(checkpoint "$scratch/streamed" 2)"

# More ranks than leaves.
expect 64 train 3 "$scratch/few" --batch-size 4 --leaf-rows 2
said "3 ranks cannot share a batch of 4 rows in 2 leaves of 2 rows"
said "Use --leaf-rows 1 or less"
[ ! -e "$scratch/few/config.yaml" ] || fail "written before it was refused"

passed "rows in groups: the bytes and losses of all at once, on 1, 2, 3, 5 ranks, projections kept or not; more ranks than leaves refused"
