#!/bin/sh
# launch/cegzsl.py, as a user of Python has it: fit and use a model on arrays of every kind, add a class, load a run, errors in the program's
# words, nothing left in the temporary folder; with pandas and scikit-learn where they are there.
. "$(dirname -- "$0")/support/common.sh"

python=${PEER_PYTHON:-python3}
if ! "$python" -c 'import numpy' 2>/dev/null; then
  passed "NOT RUN: no numpy (PEER_PYTHON may name a Python)"
  exit 0
fi
mkdir "$scratch/temporary"
export PYTHONPATH="$root/launch" PYTHONDONTWRITEBYTECODE=1 PYTHONWARNINGS=error CEGZSL="$program"
TMPDIR=$scratch/temporary expect 0 "$python" "$root/Tests/EndToEnd/support/python_client.py" "$scratch"
said "^ok"
clients=$(sed -n "s/^ok: //p" "$scratch/output")
[ -z "$(find "$scratch/temporary" -name 'cegzsl-*')" ] || fail "temporary files are left: $(find "$scratch/temporary" -maxdepth 2)"
passed "a model from Python: $clients"
