#!/bin/sh
# A run whose gradients are no longer finite ends with status 71 at the same step on any number of ranks, with the same count of
# bad elements, and saves nothing.
. "$(dirname -- "$0")/support/common.sh"

for ranks in 1 2 3; do
  expect 71 train "$ranks" "$scratch/run$ranks" --max-iterations 3 --learning-rate 3e5
  said " [1-9][0-9]* gradient elements are not finite"
  sed -n 's/.*\(iteration [0-9]*, .* gradient elements are not finite\).*/\1/p' "$scratch/output" | sort -u >"$scratch/said$ranks"
  [ "$(wc -l <"$scratch/said$ranks")" -eq 1 ] || fail "ranks disagree"
  cmp "$scratch/said1" "$scratch/said$ranks" >"$scratch/output" 2>&1 || fail "$ranks ranks found something else than one"
  [ -z "$(find "$scratch/run$ranks" -name model.safetensors)" ] || fail "a checkpoint of a run that diverged"
done

# In micro-batches the sums are looked through.
expect 71 train 2 "$scratch/parts" --max-iterations 3 --learning-rate 3e5 --micro-batch-size 20
said "iteration 1, .* [1-9][0-9]* gradient elements are not finite"

passed "a run that diverges ends with 71 at the same step on 1, 2 and 3 ranks, and saves nothing"
