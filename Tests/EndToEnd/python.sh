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
# Where Python is killed, training saves and ends.
cat >"$scratch/killed.py" <<EOF
import numpy as np
from cegzsl import CEGZSL
x, y = np.random.default_rng(1).standard_normal((60, 6)), np.repeat([0, 1, 2], 20)
CEGZSL(run_directory="$scratch/killed", epochs=1000000, noise_size=4, generator_width=32, critic_width=32, embedding_size=32, projection_size=8,
       comparator_width=16, evaluate_every=0, verbose=False).fit(x, y, np.eye(4)[:, :3], unseen=[3])
EOF
TMPDIR=$scratch/temporary "$python" "$scratch/killed.py" >"$scratch/output" 2>&1 </dev/null &
child=$!
wait_until 60 [ -s "$scratch/killed/metrics.jsonl" ] || fail "training did not begin"
kill -KILL "$child"
wait "$child" 2>/dev/null || true
ended() { ! pgrep -f "train --data $scratch/temporary" >/dev/null; }
wait_until 60 ended || fail "training goes on without Python"
[ "$(newest "$scratch/killed")" -gt 0 ] || fail "training that lost Python saved nothing"
passed "a model from Python: $clients"
