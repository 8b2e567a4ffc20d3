#!/bin/sh
# The head of zero-shot logit adjustment, trained once more by numpy from the features on: the same random draws by their definition (Philox), the
# generator and the embedding as exported, the gradient written down by hand, Adam. Its scores of every row are those of 'predict'. PEER_PYTHON names a
# Python with numpy.
. "$(dirname -- "$0")/support/common.sh"
python=${PEER_PYTHON:-python3}
if ! "$python" -c 'import numpy' 2>/dev/null; then
  passed "NOT RUN: $python has no numpy"
  exit 0
fi

seed=5 iterations=12 epochs=10 rate=0.02 count=20
expect 0 train 2 "$scratch/run" --head zla --seed $seed --max-iterations $iterations --classifier-epochs $epochs --classifier-learning-rate $rate \
  --classifier-batch-size 100000 --synthetic-per-class $count
expect 0 "$program" convert "$demo" "$scratch/data.npz"
expect 0 "$program" export --run "$scratch/run" --format npz --output "$scratch/classifier.npz"
expect 0 "$program" export --run "$scratch/run" --format npz --part generator --output "$scratch/generator.npz"
expect 0 "$program" predict --run "$scratch/run" --features "$scratch/data.npz" --output "$scratch/rows.csv" --logits "$scratch/logits.npy"
expect 0 "$program" evaluate --data "$demo" --checkpoint "$scratch/run" --predictions "$scratch/tests.csv"
expect 0 "$python" "$root/Tests/EndToEnd/support/zla.py" "$scratch" $seed $iterations $epochs $rate $count
passed "$(tail -n 1 "$scratch/output")"
