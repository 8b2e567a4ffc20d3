#!/bin/sh
# 'cegzsl parity' can fail: a case with one changed expected value ends with 1, where the case itself ends with 0.
. "$(dirname -- "$0")/support/common.sh"

original=$root/Tests/Fixtures/parity/basic.safetensors
altered=$scratch/altered.safetensors
expect 0 "$root/launch/mpirun" 2 "$program" parity "$original"

cp "$original" "$altered"
size=$(wc -c <"$altered")
# The last eight bytes of the file belong to an expected tensor (float64); this makes about 32.5 of them.
printf '\100\100\100\100\100\100\100\100' | dd of="$altered" bs=1 seek=$((size - 8)) conv=notrunc 2>/dev/null
expect 1 "$root/launch/mpirun" 2 "$program" parity "$altered"
expect 1 "$program" parity "$altered"

# Two cases of one name would be one file.
mkdir "$scratch/again"
cp "$original" "$scratch/again/"
expect 64 "$program" parity "$original" "$scratch/again/basic.safetensors" --output "$scratch/actual"
said "several cases 'basic'"
[ ! -e "$scratch/actual" ] || fail "a refused parity left a folder"
expect 0 "$program" parity "$original" --output "$scratch/actual"
[ -s "$scratch/actual/basic.actual.safetensors" ] || fail "no actual tensors"

passed "parity ends with 1 where one expected value is changed"
