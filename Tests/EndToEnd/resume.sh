#!/bin/sh
# Repeated runs and resumed runs are the same bytes; runs are never overwritten; damage is passed over.
set -eu
# shellcheck source=Tests/common.sh
. Tests/common.sh

train 2 whole --max-iterations 20 >/dev/null
train 2 again --max-iterations 20 >/dev/null
train 2 parts --max-iterations 10 >/dev/null
train 2 parts --max-iterations 20 --resume latest >/dev/null
last=checkpoints/iteration-000000020
for run in again parts; do
  for file in model.safetensors optimizer.safetensors; do
    cmp "$folder/whole/$last/$file" "$folder/$run/$last/$file" || fail "$run differs from the uninterrupted run"
  done
done
[ "$(wc -l <"$folder/parts/metrics.jsonl")" -eq 20 ] || fail "a resumed run has other than 20 lines of metrics"

expect 64 "an existing run is refused" train 2 whole --max-iterations 30
grep -q "nothing is overwritten" "$folder/output" || fail "the refusal does not say why"
train 1 fresh --max-iterations 2 --resume latest | grep -q "starting afresh" || fail "--resume latest without a run"

# The newest checkpoint is damaged: the one before it is taken.
printf 'x' | dd of="$folder/parts/$last/model.safetensors" bs=1 seek=5000 conv=notrunc 2>/dev/null
train 2 parts --max-iterations 20 --resume latest >"$folder/output"
grep -q "damaged.*model.safetensors" "$folder/output" || fail "a damaged checkpoint was not named"
cmp "$folder/whole/$last/model.safetensors" "$folder/parts/$last/model.safetensors" || fail "recovery differs"

expect 66 "other widths" train 2 whole --resume latest --critic-width 64 --max-iterations 30
grep -q "critic-width" "$folder/output" || fail "the differing option is not named"
rm "$folder"/fresh/checkpoints/*/manifest.json
expect 66 "no checkpoint verifies" train 1 fresh --resume latest --max-iterations 4
echo "passed: resume"
