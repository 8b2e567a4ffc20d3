#!/bin/sh
# From arrays and tables to a trained model: 'assemble' from csv and numpy files, every form that 'convert' writes, and folders as scipy and
# h5py leave them train to the bytes of the tidy folder; what does not fit is refused before anything is written.
. "$(dirname -- "$0")/support/common.sh"

fixtures=$root/Tests/DatasetsTests/Fixtures
good=$fixtures/good

# model DATA: trains three iterations, in a run called as the data, and prints the model's checksum.
mkdir "$scratch/runs"
model() {
  run=$scratch/runs/$(basename "$1")
  # shellcheck disable=SC2086 # one word per option
  expect 0 "$program" train --data "$1" --run "$run" $sizes --batch-size 10 --max-iterations 3 --seed 4
  sha256sum <"$(checkpoint "$run" 3)/model.safetensors"
}

tidy=$(model "$good")
for kind in char_names integers label_names logical_masks numeric_masks sparse_masks from_zero sparse struct nested_struct plain_hdf5 \
  plain_hdf5_rows plain_hdf5_masks; do
  [ "$(model "$fixtures/$kind")" = "$tidy" ] || fail "$kind trains to another model than the tidy folder"
done

# Round and round, through every form.
expect 0 "$program" convert "$good" "$scratch/data.npz"
expect 0 "$program" convert "$scratch/data.npz" "$scratch/layout"
said "rows count from 0"
expect 0 "$program" convert "$scratch/layout" "$scratch/prepared" --to prepared
expect 0 "$program" convert "$scratch/prepared" "$scratch/again.npz"
cmp "$scratch/data.npz" "$scratch/again.npz" >"$scratch/output" || fail "another archive after going through every form"
for data in "$scratch/data.npz" "$scratch/layout" "$scratch/prepared"; do
  [ "$(model "$data")" = "$tidy" ] || fail "$data trains to another model"
  expect 0 "$program" inspect --data "$data"
  said "nothing is wrong"
done
expect 0 "$program" evaluate --data "$scratch/data.npz" --checkpoint "$scratch/runs/good"
expect 0 "$program" prepare --data "$scratch/data.npz" --out "$scratch/prepared-too"
expect 65 "$program" convert "$good" "$scratch/layout"
said "exists already"
[ -z "$(find "$scratch" -name '*.partial-*')" ] || fail "temporary folders are left"

# The same data as tables: what the fixture's script computes, here in awk.
awk 'BEGIN {
  split("ant bee cat dog eel fox", names, " ")
  print "file,label,split,f0,f1,f2" >ARGV[1]
  for (r = 0; r < 36; r++) {
    test = r >= 24 || r % 6 == 5
    printf "image%d.png,%s,%s", r, names[int(r / 6) + 1], test ? "test" : "train" >ARGV[1]
    for (c = 0; c < 3; c++) printf ",%d", (r * 7 + c * 5) % 11 - 3 >ARGV[1]
    print "" >ARGV[1]
  }
  print "class;tall;round" >ARGV[2]
  for (c = 0; c < 6; c++) print names[c + 1] ";" c + 1 ";" c * c >ARGV[2]
}' "$scratch/rows.csv" "$scratch/classes.csv"
expect 0 "$program" assemble --features "$scratch/rows.csv" --descriptors "$scratch/classes.csv" --out "$scratch/assembled"
said "'file' left out"
said "unseen: eel, fox"
said "cegzsl train --data $scratch/assembled"
[ "$(model "$scratch/assembled")" = "$tidy" ] || fail "the assembled folder trains to another model"

# A split from the seed: the same each time, and another for another seed.
number=0
for seed in 1 1 2; do
  number=$((number + 1))
  expect 0 "$program" assemble --features "$scratch/rows.csv" --descriptors "$scratch/classes.csv" --unseen-fraction 0.3 \
    --test-fraction 0.2 --seed "$seed" --out "$scratch/drawn-$number"
  said "unseen classes were drawn, seed $seed"
done
cmp -s "$scratch/drawn-$((number - 2))/att_splits.mat" "$scratch/drawn-$((number - 1))/att_splits.mat" || fail "one seed, two splits"
cmp -s "$scratch/drawn-$((number - 2))/att_splits.mat" "$scratch/drawn-$number/att_splits.mat" && fail "two seeds, one split"

# What does not fit is said once, also on two ranks, and leaves nothing behind.
sed '3s/-\{0,1\}[0-9]*$/many/' "$scratch/rows.csv" >"$scratch/bad.csv"
expect 65 "$program" assemble --features "$scratch/bad.csv" --descriptors "$scratch/classes.csv" --out "$scratch/none"
said "row 2 (line 3), column 'f2': \"many\" is not a number"
expect 65 "$program" assemble --features "$scratch/rows.csv" --out "$scratch/none"
said "give --descriptors FILE"
expect 64 "$program" assemble --features "$scratch/rows.csv" --test-fraction 2 --out "$scratch/none"
[ ! -e "$scratch/none" ] || fail "a refused command left a folder"
expect 65 "$root/launch/mpirun" 2 "$program" train --data "$fixtures/complex" --run "$scratch/refused" --max-iterations 1
said "'att': is complex"
[ "$(grep -c complex:  "$scratch/output")" -eq 1 ] || fail "it is said more than once"

# Other people's loader, where there is a Python with these packages.
python=${PEER_PYTHON:-python3}
if "$python" -c 'import numpy, scipy.io' 2>/dev/null; then
  cat >"$scratch/read.py" <<'END'
import sys
import numpy as np
import scipy.io

images = scipy.io.loadmat(sys.argv[1] + "/res101.mat")
splits = scipy.io.loadmat(sys.argv[1] + "/att_splits.mat")
label = images["labels"].astype(int).squeeze() - 1
assert images["features"].T.shape == (36, 3) and list(label) == [r // 6 for r in range(36)]
assert [str(n.squeeze()) for n in splits["allclasses_names"].squeeze()] == ["ant", "bee", "cat", "dog", "eel", "fox"]
rows = {k: splits[k + "_loc"].squeeze() - 1 for k in ("trainval", "train", "val", "test_seen", "test_unseen")}
assert sorted(np.concatenate([rows["train"], rows["val"]])) == sorted(rows["trainval"])
assert set(label[rows["trainval"].astype(int)]) == {0, 1, 2, 3} and set(label[rows["test_unseen"].astype(int)]) == {4, 5}
archive = np.load(sys.argv[2], allow_pickle=False)
assert (archive["features"] == images["features"].T).all() and list(archive["unseen"]) == ["eel", "fox"]
END
  expect 0 "$python" "$scratch/read.py" "$scratch/assembled" "$scratch/data.npz"
  read_by="; scipy and numpy read what was written"
else
  read_by="; NOT RUN: reading it with scipy: no numpy, scipy (PEER_PYTHON may name a Python)"
fi

passed "folders of 13 kinds, tables, npz and prepared folders train to the same bytes$read_by"
