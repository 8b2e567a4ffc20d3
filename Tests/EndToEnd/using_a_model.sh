#!/bin/sh
# The commands and the Python of UsingAModel.md, as they stand there, on small data that its names fit.
. "$(dirname -- "$0")/support/common.sh"

guide=$root/Sources/Training/Training.docc/UsingAModel.md
mkdir "$scratch/guide" "$scratch/temporary"
cd "$scratch/guide"
awk 'BEGIN {
  split("cat dog cow hen pig", names, " ")
  print "label,split,f0,f1,f2,f3" >"rows.csv"; print "f0,f1,f2,f3" >"new.csv"
  print "class,tall,round,loud" >"classes.csv"; print "class,tall,round,loud" >"zebra.csv"
  for (c = 1; c <= 5; c++) print names[c] "," c "," c * c % 7 "," 5 - c >"classes.csv"
  print "zebra,6,3,0" >"zebra.csv"
  for (r = 0; r < 60; r++) {
    c = r % 5 + 1
    line = ""
    for (f = 0; f < 4; f++) line = line "," c * (f + 1) % 5 + (r * 7 + f * 5) % 11 / 20
    print names[c] "," (c > 3 || r % 4 == 0 ? "test" : "train") line >"rows.csv"
    if (r < 12) print substr(line, 2) >"new.csv"
  }
}'
expect 0 "$program" assemble --features rows.csv --descriptors classes.csv --out DIR
# shellcheck disable=SC2086 # one word per option
expect 0 "$program" train --data DIR --run runs/first $sizes --batch-size 10 --max-iterations 3

grep '^cegzsl ' "$guide" | sed 's/ *#.*//' >commands
[ "$(wc -l <commands)" -ge 16 ] || fail "the guide has $(wc -l <commands) commands: are they still found?"
while read -r _ command rest; do
  # shellcheck disable=SC2086 # one word per option
  expect 0 "$program" $command $rest
done <commands
for file in answers.csv logits.npy embedding.npy classifier.onnx unseen.onnx embedding.onnx generator.safetensors classifier.npz rows.npz rows.mat; do
  [ -s "$file" ] || fail "the guide's commands made no $file"
done
cmp "$(checkpoint runs/as-before 3)/model.safetensors" "$(checkpoint runs/first 3)/model.safetensors" >"$scratch/output" || fail "another model"

# block NUMBER: a Python block of the guide.
block() {
  # shellcheck disable=SC2016 # backquotes of Markdown, not of the shell
  awk -v wanted="$1" '/^```python/ { inside = ++n == wanted; next } /^```/ { inside = 0 } inside' "$guide"
}
python=${PEER_PYTHON:-python3}
run_by="$(wc -l <commands) commands of the guide work"
export PYTHONPATH="$root/launch" PYTHONDONTWRITEBYTECODE=1 CEGZSL="$program"
if "$python" -c 'import numpy' 2>/dev/null; then
  {
    echo "import numpy as np"
    echo "random = np.random.default_rng(1)"
    echo "y = np.array(['cat', 'dog', 'cow'] * 20); X = random.standard_normal((60, 6)); X_new, y_new = X[:9], y[:9]"
    echo "cat, dog, cow, zebra, okapi = np.eye(5)[:, :4] + 0.1"
    echo "descriptors = dict(cat=cat, dog=dog, cow=cow, zebra=zebra)"
    # As the guide has it, but for a few seconds.
    block 2 | sed 's/epochs=30, batch_size=256/epochs=1, batch_size=32/'
    echo "assert len(rows) == 100 and model.predict_proba(X_new).shape == (9, 5)"
  } >model.py
  TMPDIR=$scratch/temporary expect 0 "$python" model.py
  if "$python" -c 'import sklearn' 2>/dev/null; then
    { sed '/^model.fit/,$d; /^model = /d' model.py && block 3 | sed 's/epochs=5/epochs=1/'; } >cross.py
    TMPDIR=$scratch/temporary expect 0 "$python" cross.py
    run_by="$run_by, its Python, its scikit-learn"
  else
    run_by="$run_by, its Python; NOT RUN: scikit-learn is not installed"
  fi
  if "$python" -c 'import onnxruntime' 2>/dev/null; then
    { echo "rows = [[1, 2, 3, 4], [2, 3, 4, 5]]" && block 1; } >serve.py
    expect 0 "$python" serve.py
    run_by="$run_by, its onnxruntime"
  else
    run_by="$run_by; NOT RUN: onnxruntime is not installed"
  fi
else
  run_by="$run_by; NOT RUN: its Python: no numpy (PEER_PYTHON may name a Python)"
fi
passed "$run_by"
