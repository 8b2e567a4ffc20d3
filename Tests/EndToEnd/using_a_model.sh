#!/bin/sh
# The commands and the Python of UsingAModel.md, as they stand there, on small data that its names fit.
. "$(dirname -- "$0")/support/common.sh"
. "$(dirname -- "$0")/support/guide.sh"

guide=$root/Sources/Training/Training.docc/UsingAModel.md
expect 0 "$program" assemble --features rows.csv --descriptors classes.csv --out DIR
# shellcheck disable=SC2086 # one word per option
expect 0 "$program" train --data DIR --run runs/first $sizes --batch-size 10 --max-iterations 3

ln -s "$program" "$scratch/bin/cegzsl"
PATH=$scratch/bin:$PATH
guide_commands "$guide" 16
run_commands
for file in answers.csv logits.npy embedding.npy classifier.onnx unseen.onnx embedding.onnx generator.safetensors classifier.npz rows.npz rows.mat; do
  [ -s "$file" ] || fail "the guide's commands made no $file"
done
cmp "$(checkpoint runs/as-before 3)/model.safetensors" "$(checkpoint runs/first 3)/model.safetensors" >"$scratch/output" || fail "another model"

run_by="$(wc -l <commands) commands of the guide work"
if "$python" -c 'import numpy' 2>/dev/null; then
  {
    python_data
    # As the guide has it, but for a few seconds.
    guide_python "$guide" 2 | sed 's/epochs=30, batch_size=256/epochs=1, batch_size=32/'
    echo "assert len(rows) == 100 and model.predict_proba(X_new).shape == (9, 5)"
  } >model.py
  TMPDIR=$scratch/temporary expect 0 "$python" model.py
  if "$python" -c 'import sklearn' 2>/dev/null; then
    { sed '/^model.fit/,$d; /^model = /d' model.py && guide_python "$guide" 3 | sed 's/epochs=5/epochs=1/'; } >cross.py
    TMPDIR=$scratch/temporary expect 0 "$python" cross.py
    run_by="$run_by, its Python, its scikit-learn"
  else
    run_by="$run_by, its Python; NOT RUN: scikit-learn is not installed"
  fi
  if "$python" -c 'import onnxruntime' 2>/dev/null; then
    { echo "rows = [[1, 2, 3, 4], [2, 3, 4, 5]]" && guide_python "$guide" 1; } >serve.py
    expect 0 "$python" serve.py
    run_by="$run_by, its onnxruntime"
  else
    run_by="$run_by; NOT RUN: onnxruntime is not installed"
  fi
else
  run_by="$run_by; NOT RUN: its Python: no numpy (PEER_PYTHON may name a Python)"
fi
passed "$run_by"
