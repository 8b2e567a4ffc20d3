#!/bin/sh
# 'predict' on a data set's own test rows gives the accuracies of results.json, from every format; a row's answer does not depend on the rows
# beside it, and memory not on their number. What does not fit is refused with its row, and leaves nothing behind.
. "$(dirname -- "$0")/support/common.sh"

# The fixture's rows as its script computes them, and its classes: six, of six rows each; the last two are unseen.
data=$root/Tests/DatasetsTests/Fixtures/good
run=$scratch/run
awk -v all="$scratch/all.csv" 'BEGIN {
  split("ant bee cat dog eel fox", names, " ")
  print "label,f0,f1,f2" >all
  for (r = 0; r < 36; r++) {
    printf "%s", names[int(r / 6) + 1] >all
    for (c = 0; c < 3; c++) printf ",%d", (r * 7 + c * 5) % 11 - 3 >all
    print "" >all
  }
}'
# shellcheck disable=SC2086 # one word per option
expect 0 "$program" train --data "$data" --run "$run" $sizes --batch-size 10 --max-iterations 40 --learning-rate 0.01 --seed 4 \
  --classifier-epochs 20 --classifier-learning-rate 0.05

# Accuracies: means over classes. Test rows are the last of each seen class, and all of the unseen ones.
expect 0 "$program" predict --run "$run" --features "$scratch/all.csv" --output "$scratch/all-answers.csv"
expect 0 "$program" predict --run "$run" --features "$scratch/all.csv" --classes unseen --output "$scratch/unseen-answers.csv"
head -n 1 "$scratch/all-answers.csv" | grep -q '^row,class,probability$' || fail "another header"
[ "$(wc -l <"$scratch/all-answers.csv")" -eq 37 ] || fail "not a line for each row"
awk -F, 'FNR == 1 { file++; next }
  { truth = substr("antbeecatdogeelfox", 3 * int((FNR - 2) / 6) + 1, 3); isUnseen = FNR - 2 >= 24; isTest = isUnseen || (FNR - 2) % 6 == 5 }
  file == 1 && isTest { count[truth]++; right[truth] += $2 == truth }
  file == 2 && isUnseen { zslCount[truth]++; zslRight[truth] += $2 == truth }
  END {
    for (c in count) if (c == "eel" || c == "fox") unseen += right[c] / count[c] / 2; else seen += right[c] / count[c] / 4
    for (c in zslCount) zsl += zslRight[c] / zslCount[c] / 2
    printf "unseen %.15g\nseen %.15g\nzsl %.15g\n", unseen, seen, zsl
  }' "$scratch/all-answers.csv" "$scratch/unseen-answers.csv" >"$scratch/found"
for name in unseen seen zsl; do
  sed -n "s/^  \"$name\" *: *\([0-9.e-]*\),*\$/\1/p" "$run/results.json" | head -n 1 | awk -v name="$name" '{ printf "%s %.15g\n", name, $1 }'
done >"$scratch/wanted"
diff "$scratch/wanted" "$scratch/found" >"$scratch/output" || fail "predict does not find the accuracies of results.json"
awk '$2 > 0 { n++ } END { exit !(n >= 2) }' "$scratch/found" || fail "nothing was learnt: the comparison says little"

# Rows by themselves, many times over, and the file in other forms.
expect 0 "$program" convert "$data" "$scratch/data.npz"
expect 0 "$program" predict --run "$run" --features "$scratch/data.npz" --output "$scratch/npz.csv" --logits "$scratch/one.npy"
cmp "$scratch/all-answers.csv" "$scratch/npz.csv" >"$scratch/output" || fail "an npz file gives other answers than a csv file"
expect 0 "$program" predict --run "$run" --features "$data/res101.mat" --output "$scratch/mat.csv" --logits "$scratch/two.npy" --embedding "$scratch/e.npy"
cmp "$scratch/all-answers.csv" "$scratch/mat.csv" >"$scratch/output" || fail "a .mat file gives other answers than a csv file"
cmp "$scratch/one.npy" "$scratch/two.npy" >"$scratch/output" || fail "other logits"
sed -n '1p;20p' "$scratch/all.csv" >"$scratch/single.csv"
"$program" predict --run "$run" --features "$scratch/single.csv" >"$scratch/single" 2>"$scratch/output" || fail "a single row is refused"
[ "$(sed -n '2s/^1,//p' "$scratch/single")" = "$(sed -n '20s/^19,//p' "$scratch/all-answers.csv")" ] || fail "a row by itself gets another answer"
for size in few many; do
  case $size in few) times=1000 ;; *) times=10000 ;; esac
  awk -v times=$times 'NR == 1 { print; next } { row[NR] = $0 } END { for (i = 0; i < times; i++) for (r = 2; r <= NR; r++) print row[r] }' \
    "$scratch/all.csv" >"$scratch/$size.csv"
done
peak_few=0 peak_many=0
for size in few many; do
  "$program" predict --run "$run" --features "$scratch/$size.csv" --output "$scratch/$size-answers.csv" --logits "$scratch/$size.npy" 2>"$scratch/output" &
  process=$!
  # The kernel keeps a process's peak until it is waited for, in /proc; the last reading before it ends is near it.
  peak=0
  while [ -r "/proc/$process/status" ]; do
    now=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$process/status" 2>/dev/null || true)
    [ -n "$now" ] || break
    peak=$now
  done
  wait "$process" || fail "predict of $size.csv failed"
  eval "peak_$size=$peak"
done
[ "$(wc -l <"$scratch/many-answers.csv")" -eq 360001 ] || fail "not a line for each of 360000 rows"
[ "$(tail -n 36 "$scratch/many-answers.csv" | cut -d, -f2-)" = "$(tail -n 36 "$scratch/all-answers.csv" | cut -d, -f2-)" ] ||
  fail "the last block has other answers than the first"
# 324000 rows more of features, embeddings, logits and probabilities would be 60 MB.
[ "$peak_few" -gt 0 ] || fail "the peak of memory could not be read"
[ "$((peak_many - peak_few))" -lt 24000 ] || fail "360000 rows take $peak_many kB of memory, a tenth of them takes $peak_few kB"

# The classes of the best first, and no more than there are.
expect 0 "$program" predict --run "$run" --features "$scratch/single.csv" --top 3
said '^row,class,probability,class_2,probability_2,class_3,probability_3$'
expect 64 "$program" predict --run "$run" --features "$scratch/single.csv" --top 7
said "must be from 1 to 6"
expect 64 "$program" predict --run "$run" --features "$scratch/single.csv" --top 0
expect 64 "$program" predict --run "$run" --features "$scratch/single.csv" --classes unseen --top 3

# Refused, each with its reason, and nothing is left of the outputs.
refused() {
  refused_text=$1
  shift
  expect 65 "$program" predict --run "$run" "$@" --output "$scratch/none.csv" --logits "$scratch/none.npy"
  said "$refused_text"
}
sed '20s/[-0-9]*$/nan/' "$scratch/many.csv" >"$scratch/nan.csv"
refused "row 19, feature 3 is nan" --features "$scratch/nan.csv"
sed '300020s/[-0-9]*$/inf/' "$scratch/many.csv" >"$scratch/inf.csv"
refused "row 300019, feature 3 is inf" --features "$scratch/inf.csv"
cut -d, -f 1-3 "$scratch/all.csv" >"$scratch/narrow.csv"
refused "36 rows of 2 features, and the model takes 3" --features "$scratch/narrow.csv"
: >"$scratch/empty.csv"
refused "is empty" --features "$scratch/empty.csv"
head -n 1 "$scratch/all.csv" >"$scratch/header.csv"
refused "no row" --features "$scratch/header.csv"
refused "nothing.npy" --features "$scratch/nothing.npy"
refused "has no 'x'" --features "$scratch/data.npz:x"
[ -z "$(find "$scratch" -name 'none.*')" ] || fail "a refused command left a file"
expect 64 "$program" predict --run "$run" --features "$scratch/all.csv" --output "$scratch/all.csv"
said "is the input too"
expect 64 "$program" predict --run "$scratch/nowhere" --features "$scratch/all.csv"
said "does not exist"
expect 66 "$program" predict --run "$run" --checkpoint "$scratch/nowhere" --features "$scratch/all.csv"
expect 74 "$program" predict --run "$run" --features "$scratch/all.csv" --output /dev/null

# A file that is there is replaced, by the whole answer or not at all; two ranks answer once.
cp "$scratch/all-answers.csv" "$scratch/kept.csv"
expect 65 "$program" predict --run "$run" --features "$scratch/inf.csv" --output "$scratch/kept.csv"
cmp -s "$scratch/all-answers.csv" "$scratch/kept.csv" || fail "a refused command changed an older file"
cut -d, -f 2- "$scratch/all.csv" >"$scratch/features.csv"
expect 0 "$root/launch/mpirun" 2 "$program" predict --run "$run" --features "$scratch/features.csv"
cmp -s "$scratch/all-answers.csv" "$scratch/output" || fail "two ranks do not print what one does"

# Another data set, by numpy, where it is there.
python=${PEER_PYTHON:-python3}
if "$python" -c 'import numpy' 2>/dev/null; then
  expect 0 train 2 "$scratch/demo-run" --max-iterations 30 --learning-rate 0.001 --select validation --evaluate-every 10
  expect 0 "$program" convert "$demo" "$scratch/demo.npz"
  for classes in all unseen; do
    expect 0 "$program" predict --run "$scratch/demo-run" --features "$scratch/demo.npz" --classes $classes --logits "$scratch/$classes.npy" \
      --output "$scratch/$classes.csv"
  done
  cat >"$scratch/check.py" <<'END_OF_PYTHON'
import csv, json, sys
import numpy as np

folder = sys.argv[1]
data = np.load(folder + "/demo.npz", allow_pickle=False)
names = data["classes"]
results = json.load(open(folder + "/demo-run/results.json"))
answers, logits = {}, {}
for classes in ("all", "unseen"):
    logits[classes] = np.load(folder + f"/{classes}.npy", allow_pickle=False)
    answers[classes] = np.array([row["class"] for row in csv.DictReader(open(folder + f"/{classes}.csv"))])
    assert logits[classes].shape == (len(data["labels"]), len(names)) and logits[classes].dtype == np.float32
    assert (names[logits[classes].argmax(1)] == answers[classes]).all()
assert (np.isinf(logits["unseen"]).sum(1) == len(names) - len(data["unseen"])).all()

def accuracy(rows, answers):
    truth = data["labels"][rows]
    return np.mean([np.mean(answers[rows][truth == name] == name) for name in np.unique(truth)])

found = dict(unseen=accuracy(data["test_unseen"], answers["all"]), seen=accuracy(data["test_seen"], answers["all"]),
             zsl=accuracy(data["test_unseen"], answers["unseen"]))
for name, value in found.items():
    assert abs(value - results[name]) < 1e-12, (name, value, results[name])
print(found)
END_OF_PYTHON
  expect 0 "$python" "$scratch/check.py" "$scratch"

  # Files as other programs write them, each with the logits of the npz file.
  cat >"$scratch/write.py" <<'END_OF_PYTHON'
import sys
import numpy as np

folder = sys.argv[1] + "/written"
x = np.load(sys.argv[1] + "/demo.npz", allow_pickle=False)["features"]
np.save(folder + "/float64_fortran.npy", np.asfortranarray(x, dtype=np.float64))
np.savez_compressed(folder + "/compressed.npz", X=x)
done, missing = ["numpy"], []
try:
    import scipy.io
    scipy.io.savemat(folder + "/scipy.mat", {"features": x.T.astype(np.float64)}, do_compression=True)
    done.append("scipy")
except ImportError:
    missing.append("scipy")
try:
    import h5py
    with h5py.File(folder + "/chunked.h5", "w") as file:
        file.create_dataset("features", data=x, chunks=(100, 7), compression="gzip", shuffle=True)
    done.append("h5py")
except ImportError:
    missing.append("h5py")
try:
    import pandas
    pandas.DataFrame(x).to_csv(folder + "/pandas.csv")
    done.append("pandas")
except ImportError:
    missing.append("pandas")
try:
    import safetensors.numpy
    safetensors.numpy.save_file({"features": x}, folder + "/torch.safetensors")
    done.append("safetensors")
except ImportError:
    missing.append("safetensors")
print("written by " + ", ".join(done) + (f" (NOT RUN: {', '.join(missing)})" if missing else ""))
END_OF_PYTHON
  mkdir "$scratch/written"
  expect 0 "$python" "$scratch/write.py" "$scratch"
  written=$(tail -n 1 "$scratch/output")
  for file in "$scratch"/written/*; do
    expect 0 "$program" predict --run "$scratch/demo-run" --features "$file" --logits "$scratch/written.npy" --output "$scratch/written.csv"
    cmp "$scratch/all.npy" "$scratch/written.npy" >"$scratch/output" 2>&1 || fail "other logits from $file than from the npz file"
  done
  read_by="features $written; numpy reads logits, and finds the accuracies of the demo data's run"
else
  read_by="NOT RUN: the demo data's figures: no numpy (PEER_PYTHON may name a Python)"
fi
passed "predict repeats the figures of results.json from csv, npz and .mat, in blocks; refuses what does not fit; $read_by"
