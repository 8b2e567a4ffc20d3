#!/bin/sh
# A prepared folder trains to the same bytes as the .mat files, also where a run began with those; it is never overwritten,
# and a damaged or foreign one is refused.
. "$(dirname -- "$0")/support/common.sh"

source=$demo
prepared=$scratch/prepared
expect 0 "$program" prepare --data "$source" --out "$prepared"
[ ! -e "$prepared.partial" ] || fail "the temporary folder is still there"

train 2 "$scratch/from-mat" --seed 5 --max-iterations 4 --checkpoint-every 2 >"$scratch/output" 2>&1 || fail "train"
demo=$prepared
expect 0 train 2 "$scratch/from-prepared" --seed 5 --max-iterations 4
expect_same_state "$(checkpoint "$scratch/from-mat" 4)" "$(checkpoint "$scratch/from-prepared" 4)"
grep -v -e seconds -e '"data' -e checkpoint-every "$scratch/from-mat/results.json" >"$scratch/a"
grep -v -e seconds -e '"data' -e checkpoint-every "$scratch/from-prepared/results.json" >"$scratch/b"
diff "$scratch/a" "$scratch/b" >"$scratch/output" || fail "other results from the prepared folder"

# A run moves from the .mat files to the prepared folder in mid-course: it is the same data.
rm -rf "$(checkpoint "$scratch/from-mat" 4)"
expect 0 train 2 "$scratch/from-mat" --seed 5 --max-iterations 4 --checkpoint-every 2 --resume latest
expect_same_state "$(checkpoint "$scratch/from-mat" 4)" "$(checkpoint "$scratch/from-prepared" 4)"

expect 65 "$program" prepare --data "$source" --out "$prepared"
said "exists already"
expect 65 "$program" inspect --data "$prepared" --class-embedding sent_splits.mat
said "prepared from att_splits.mat"

size=$(wc -c <"$prepared/features.safetensors")
dd if=/dev/null of="$prepared/features.safetensors" bs=1 seek=$((size - 4)) 2>/dev/null
expect 65 train 2 "$scratch/damaged" --max-iterations 1
said "features.safetensors"

passed "a prepared folder gives the same bytes as the .mat files; damaged or foreign ones are refused"
