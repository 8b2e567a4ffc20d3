#!/bin/sh
# A damaged newest checkpoint is named and the one before it is used, with the same end as if nothing had happened; a
# damaged checkpoint that was asked for by its path is refused (66).
. "$(dirname -- "$0")/support/common.sh"

set -- --seed 7 --checkpoint-every 10
run=$scratch/run whole=$scratch/whole
expect 0 train 2 "$whole" "$@" --max-iterations 30
expect 0 train 2 "$run" "$@" --max-iterations 20

newest=$(checkpoint "$run" 20)
damage "$newest/model.safetensors"
expect 66 train 2 "$scratch/by-path" "$@" --max-iterations 30 --resume "$newest"
said "model.safetensors"

expect 0 train 2 "$run" "$@" --max-iterations 30 --resume latest
said "iteration-000000020"
expect_same_state "$(checkpoint "$whole" 30)" "$(checkpoint "$run" 30)"

passed "a damaged newest checkpoint is named and the one before it resumed; by its path it is refused"
