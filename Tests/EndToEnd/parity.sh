#!/bin/sh
# The parity cases on 1, 2, 3 and 5 ranks; and a case that must fail does.
set -eu
for ranks in 1 2 3 5; do
  launch/mpirun "$ranks" "$CEGZSL" parity Tests/Fixtures/parity/*.safetensors
done

# A comparison that cannot fail proves nothing: one digit of an expected value is changed.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp Tests/Fixtures/parity/basic.safetensors "$folder/altered.safetensors"
size=$(wc -c <"$folder/altered.safetensors")
# The last eight bytes belong to an expected tensor.
printf '\100\100\100\100\100\100\100\100' | dd of="$folder/altered.safetensors" bs=1 seek=$((size - 8)) conv=notrunc 2>/dev/null
status=0
launch/mpirun 2 "$CEGZSL" parity "$folder/altered.safetensors" >/dev/null || status=$?
[ "$status" -eq 1 ] || { echo "an altered case ended with $status instead of 1" >&2; exit 1; }
echo "passed: parity"
