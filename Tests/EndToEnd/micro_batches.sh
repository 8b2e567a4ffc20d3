#!/bin/sh
# A batch in micro-batches: the losses of the batch at once, the same bytes on any number of ranks, whether the projections of
# all ranks are kept or gathered twice.
. "$(dirname -- "$0")/support/common.sh"

set -- --seed 5 --max-iterations 4 --micro-batch-size 20
expect 0 train 1 "$scratch/one" "$@"
for ranks in 2 3 5; do
  expect 0 train "$ranks" "$scratch/kept-$ranks" "$@"
  expect_same_state "$(checkpoint "$scratch/one" 4)" "$(checkpoint "$scratch/kept-$ranks" 4)"
done
expect 0 train 3 "$scratch/streamed" "$@" --projection-memory 0
expect_same_state "$(checkpoint "$scratch/one" 4)" "$(checkpoint "$scratch/streamed" 4)"

expect 0 train 1 "$scratch/whole" --seed 5 --max-iterations 1
expect 0 train 2 "$scratch/parts" --seed 5 --max-iterations 1 --micro-batch-size 7
losses() { head -n 1 "$1/metrics.jsonl" | grep -o '"[a-z]*" *: *-\{0,1\}[0-9][0-9.e-]*' | grep -v -e seconds -e samples; }
losses "$scratch/whole" >"$scratch/whole-losses"
losses "$scratch/parts" >"$scratch/parts-losses"
paste "$scratch/whole-losses" "$scratch/parts-losses" | tr -d '":' | awk '
  { difference = $2 - $4; if (difference < 0) difference = -difference
    size = $2 < 0 ? -$2 : $2; if ($1 != $3 || difference > 1e-4 * (size + 1e-3)) { print; bad = 1 } }
  END { exit bad || NR < 8 }' >"$scratch/output" || fail "the losses differ"

passed "micro-batches: the losses of a batch at once, and the same bytes on 1, 2, 3, 5 ranks, projections kept or not"
