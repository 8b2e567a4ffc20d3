#!/bin/sh
# --precision bfloat16: the same bytes on 1 and 3 ranks and after a resume, other bytes than float32. Passes without a
# training step where the processor has no such products, and says so.
. "$(dirname -- "$0")/support/common.sh"

status=0
train 1 "$scratch/one" --precision bfloat16 --max-iterations 4 >"$scratch/output" 2>&1 || status=$?
if [ "$status" -eq 64 ]; then
  said "needs a processor with AVX-512"
  passed "bfloat16 is refused on this processor, with the reason"
  exit 0
fi
[ "$status" -eq 0 ] || fail "exit status $status of the first run"
expect 0 train 3 "$scratch/three" --precision bfloat16 --max-iterations 4
expect_same_state "$(checkpoint "$scratch/one" 4)" "$(checkpoint "$scratch/three" 4)"

expect 0 train 2 "$scratch/resumed" --precision bfloat16 --max-iterations 4 --checkpoint-every 2
rm -rf "$(checkpoint "$scratch/resumed" 4)"
expect 0 train 1 "$scratch/resumed" --precision bfloat16 --max-iterations 4 --checkpoint-every 2 --resume latest
expect_same_state "$(checkpoint "$scratch/one" 4)" "$(checkpoint "$scratch/resumed" 4)"

expect 0 train 1 "$scratch/float32" --max-iterations 4
if cmp -s "$(checkpoint "$scratch/one" 4)/model.safetensors" "$(checkpoint "$scratch/float32" 4)/model.safetensors"; then
  fail "bfloat16 gave the bytes of float32"
fi

# A debug build stops where a rounded copy that a product takes is not up to date.
expect 0 sh -c "cd '$root' && swift build --product cegzsl"
checked=$(cd "$root" && swift build --show-bin-path)/cegzsl
for options in "" "--micro-batch-size 48" "--micro-batch-size 48 --projection-memory 0" "--embedding semantic"; do
  # shellcheck disable=SC2086 # one word per value
  expect 0 "$checked" train --data "$demo" --run "$scratch/checked$options" --precision bfloat16 --batch-size 128 \
    --max-iterations 2 --embedding-size 64 --projection-size 32 --comparator-width 64 --generator-width 64 \
    --critic-width 64 $options
done

passed "bfloat16 gives the same bytes on 1, 2 and 3 ranks and after a resume, others than float32; copies are up to date"
