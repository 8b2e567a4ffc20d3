#!/bin/sh
# A checkpoint that was written before gradients were summed over leaves (when --leaf-rows did not exist and --micro-batch-size was part of
# the trajectory) still loads, and goes on alike on 1 and 3 ranks; only its data and its own options will do.
. "$(dirname -- "$0")/support/common.sh"

old=$root/Tests/Fixtures/checkpoints/iteration-000000003-of-0.1
continue_it() {
  ranks=$1 run=$2
  shift 2
  "$root/launch/mpirun" "$ranks" "$program" train --data "$demo" --run "$run" --batch-size 24 --noise-size 4 --generator-width 8 \
    --critic-width 8 --embedding-size 8 --projection-size 4 --comparator-width 8 --seed 3 --evaluate-every 0 --classifier-epochs 1 \
    --synthetic-per-class 5 --max-iterations 5 --resume "$old" "$@"
}
expect 0 continue_it 1 "$scratch/one"
said "after iteration 3"
expect 0 continue_it 3 "$scratch/three"
expect_same_state "$(checkpoint "$scratch/one" 5)" "$(checkpoint "$scratch/three" 5)"
expect 66 continue_it 1 "$scratch/other" --leaf-rows 3
said "leaf-rows was 0 and is 3"
passed "a checkpoint of version 0.1 goes on, on 1 and 3 ranks"
