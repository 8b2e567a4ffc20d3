#!/bin/sh
# Stopping and resuming changes nothing: 10 iterations and then 10 more end byte for byte where 20 in one go end, and
# two runs on the same number of ranks are identical. The stop lies inside an epoch (36 iterations). Some weights are wide enough for
# gaps between their rows, which no file may show. What cannot be continued is refused (66).
. "$(dirname -- "$0")/support/common.sh"

set -- --seed 7 --checkpoint-every 10 --embedding-size 1024 --generator-width 1030
for ranks in 1 2; do
  whole=$scratch/whole-$ranks halves=$scratch/halves-$ranks
  expect 0 train "$ranks" "$whole" "$@" --max-iterations 20
  expect 0 train "$ranks" "$halves" "$@" --max-iterations 10
  expect_same_state "$(checkpoint "$whole" 10)" "$(checkpoint "$halves" 10)"
  expect 0 train "$ranks" "$halves" "$@" --max-iterations 20 --resume latest
  expect_same_state "$(checkpoint "$whole" 20)" "$(checkpoint "$halves" 20)"
  for run in whole halves; do
    losses "$scratch/$run-$ranks/metrics.jsonl" 1000 >"$scratch/$run-losses"
  done
  cmp "$scratch/whole-losses" "$scratch/halves-losses" >"$scratch/output" 2>&1 || fail "metrics.jsonl differs"
done
expect_same_state "$(checkpoint "$scratch/whole-1" 20)" "$(checkpoint "$scratch/whole-2" 20)"
# The state must move, or equal files prove nothing.
if cmp -s "$(checkpoint "$whole" 10)/model.safetensors" "$(checkpoint "$whole" 20)/model.safetensors"; then
  fail "the parameters do not change between iterations 10 and 20"
fi

expect 66 train 2 "$whole" "$@" --max-iterations 30 --resume latest --critic-width 96
said "critic-width"
rm "$halves"/checkpoints/*/manifest.json
expect 66 train 2 "$halves" "$@" --max-iterations 30 --resume latest
said "manifest.json"

passed "10 + 10 iterations equal 20 byte for byte, on 1 and on 2 ranks; what cannot be continued is refused"
