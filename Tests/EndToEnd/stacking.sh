#!/bin/sh
# The weights of a stacked head are those that numpy finds for the parts that the first phase chose, from the features of its validation rows on.
# PEER_PYTHON names a Python with numpy.
. "$(dirname -- "$0")/support/common.sh"
python=${PEER_PYTHON:-python3}
if ! "$python" -c 'import numpy' 2>/dev/null; then
  passed "NOT RUN: $python has no numpy"
  exit 0
fi

expect 0 train 2 "$scratch/run" --select validation --head stacked --seed 3 --max-iterations 6 --evaluate-every 2 --checkpoint-every 1
expect 0 "$program" convert "$demo" "$scratch/data.npz"
expect 0 "$program" export --run "$scratch/run/selection" --checkpoint best --format npz --output "$scratch/parts.npz"
expect 0 "$python" "$root/Tests/EndToEnd/support/stacking.py" "$scratch/data.npz" "$scratch/parts.npz" "$scratch/run/selection/validation.csv"
found=$(tail -n 1 "$scratch/output")

# Features that are finite, and too large for a finite answer.
awk 'BEGIN { for (r = 0; r < 2; r++) for (f = 0; f < 256; f++) printf "%s%s", (r ? "1e38" : "0.5"), (f < 255 ? "," : "\n") }' >"$scratch/large.csv"
expect 65 "$program" predict --run "$scratch/run" --features "$scratch/large.csv" --output "$scratch/none.csv"
said "row 2: its logits are not finite"
[ ! -e "$scratch/none.csv" ] || fail "a refused prediction left a file"
passed "$found"
