#!/bin/sh
# 'export' and 'synthesize': what other programs read. In onnxruntime an exported graph has our logits within 1e-5 for any number of rows,
# in numpy and safetensors the arrays compute them too, and a generator's graph gives features; class names go with each.
. "$(dirname -- "$0")/support/common.sh"

# Names that JSON and csv must escape, and a class that has no rows.
mkdir "$scratch/work"
run=$scratch/run
expect 0 train 2 "$run" --max-iterations 8 --learning-rate 0.001
expect 0 train 1 "$scratch/plain" --max-iterations 2 --embedding none
expect 0 train 1 "$scratch/stacked" --max-iterations 4 --select validation --head stacked
expect 0 "$program" convert "$demo" "$scratch/demo.npz"

for part in classifier embedding generator; do
  for format in onnx safetensors npz; do
    expect 0 "$program" export --run "$run" --format $format --part $part --output "$scratch/$part.$format"
    [ -s "$scratch/$part.$format" ] || fail "no file for $part as $format"
  done
done
expect 0 "$program" export --run "$run" --format onnx --classes unseen --output "$scratch/unseen.onnx"
expect 0 "$program" export --run "$scratch/plain" --format onnx --output "$scratch/plain.onnx"
for format in onnx npz; do
  expect 0 "$program" export --run "$scratch/stacked" --format $format --output "$scratch/stacked.$format"
done
# The same bytes each time; a file that is there is replaced.
cp "$scratch/classifier.onnx" "$scratch/before.onnx"
expect 0 "$program" export --run "$run" --format onnx --output "$scratch/classifier.onnx"
cmp "$scratch/before.onnx" "$scratch/classifier.onnx" >"$scratch/output" || fail "an export has other bytes each time"
expect 64 "$program" export --run "$run" --format pickle --output "$scratch/x"
expect 64 "$program" export --run "$run" --format onnx --part critic --output "$scratch/x"
# A checkpoint without a classifier says what completes it; its generator is there even so.
expect 0 train 1 "$scratch/stopped" --max-iterations 4 --checkpoint-every 2
rm -r "$(checkpoint "$scratch/stopped" 4)"
expect 66 "$program" export --run "$scratch/stopped" --format onnx --output "$scratch/x"
said "cegzsl evaluate --data"
expect 0 "$program" export --run "$scratch/stopped" --format onnx --part generator --output "$scratch/early.onnx"
damage "$(checkpoint "$scratch/stopped" 2)/model.safetensors"
expect 66 "$program" export --run "$scratch/stopped" --format onnx --part generator --output "$scratch/x"
[ ! -e "$scratch/x" ] || fail "a refused command left a file"

# Synthetic rows: of known classes, and the same of their descriptors.
first=$("$program" show "$run" --json | sed 's/.*"classes":\[{"name":"\([^"]*\)".*/\1/')
expect 0 "$program" synthesize --run "$run" --classes "$first" --per-class 3000 --output "$scratch/rows.npz"
expect 0 "$program" synthesize --run "$run" --classes "$first" --per-class 3000 --output "$scratch/rows.mat"
expect 0 "$program" synthesize --run "$run" --classes "$first" --per-class 5 --space embedding --output "$scratch/embeddings.npz"
expect 0 "$program" synthesize --run "$run" --classes "$first" --per-class 5 --seed 2 --output "$scratch/other.npz"
expect 0 "$program" synthesize --run "$run" --descriptors "$scratch/demo.npz" --per-class 2 --output "$scratch/all.npz"
# They can be predicted, in every form.
for file in rows.npz rows.mat all.npz; do
  expect 0 "$program" predict --run "$run" --features "$scratch/$file" --output "$scratch/$file.csv"
done
cmp "$scratch/rows.npz.csv" "$scratch/rows.mat.csv" >"$scratch/output" || fail "npz and .mat hold other rows"
expect 64 "$program" synthesize --run "$run" --classes nobody --per-class 5 --output "$scratch/x.npz"
said "has no class 'nobody'"
expect 64 "$program" synthesize --run "$run" --classes "$first,$first" --per-class 5 --output "$scratch/x.npz"
said "named twice"
expect 64 "$program" synthesize --run "$run" --classes "$first" --per-class 0 --output "$scratch/x.npz"
expect 64 "$program" synthesize --run "$run" --classes "$first" --per-class 5 --output "$scratch/x.csv"
expect 64 "$program" synthesize --run "$run" --per-class 5 --output "$scratch/x.npz"
printf 'class,a,b\nzebra,1,2\n' >"$scratch/short.csv"
expect 65 "$program" synthesize --run "$run" --descriptors "$scratch/short.csv" --per-class 5 --output "$scratch/x.npz"
said "the descriptors have 2 numbers, and the model takes"
[ -z "$(find "$scratch" -name 'x.*' -o -name '*.partial-*')" ] || fail "a refused command left a file"

read_by=""
python=${PEER_PYTHON:-python3}
if "$python" -c 'import numpy' 2>/dev/null; then
  for name in run plain stacked; do
    expect 0 "$program" predict --run "$scratch/$name" --features "$scratch/demo.npz" --logits "$scratch/$name.npy" --output "$scratch/$name.csv" \
      --embedding "$scratch/$name-embedding.npy"
  done
  expect 0 "$program" predict --run "$run" --features "$scratch/demo.npz" --classes unseen --logits "$scratch/unseen.npy" --output "$scratch/unseen.csv"
  expect 0 "$python" "$root/Tests/EndToEnd/support/read_exports.py" "$scratch"
  read_by="; $(tail -n 1 "$scratch/output")"
else
  read_by="; NOT RUN: reading the files: no numpy (PEER_PYTHON may name a Python)"
fi
passed "every part of a model in three formats, synthetic rows in two$read_by"
