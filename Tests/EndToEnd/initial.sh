#!/bin/sh
# --initial: a run starts from the weights of given files, on any number of ranks, and not from its seed's; what does not fit is refused
# (65) and leaves the run directory free; a resumed run does not read them again. With PyTorch, also the weights of a parity case from files
# that torch.save makes here, in the authors' names: with what arrives, the case has its losses, gradients and updates.
. "$(dirname -- "$0")/support/common.sh"

python=${PEER_PYTHON:-python3}

expect 0 train 1 "$scratch/first" --seed 5 --max-iterations 2
weights=$(checkpoint "$scratch/first" 2)/model.safetensors
for ranks in 1 2; do
  expect 0 train "$ranks" "$scratch/same-$ranks" --seed 9 --epochs 0 --initial "$weights"
  said "note: initial weights: $weights, a safetensors file of 16 tensors"
  cmp "$weights" "$(checkpoint "$scratch/same-$ranks" 0)/model.safetensors" >"$scratch/output" 2>&1 || fail "other weights on $ranks ranks"
  expect 0 train "$ranks" "$scratch/on-$ranks" --seed 9 --max-iterations 2 --initial "$weights"
done
expect_same_state "$(checkpoint "$scratch/on-1" 2)" "$(checkpoint "$scratch/on-2" 2)"
# Stopped and resumed, when the file is gone.
cp "$weights" "$scratch/copy.safetensors"
expect 0 train 2 "$scratch/halves" --seed 9 --max-iterations 1 --initial "$scratch/copy.safetensors"
rm "$scratch/copy.safetensors"
expect 0 train 2 "$scratch/halves" --max-iterations 2 --resume latest --initial "$scratch/copy.safetensors" --seed 9
for file in model optimizer; do
  cmp "$(checkpoint "$scratch/on-1" 2)/$file.safetensors" "$(checkpoint "$scratch/halves" 2)/$file.safetensors" >"$scratch/output" 2>&1 ||
    fail "$file.safetensors of a resumed run differs"
done

run=$scratch/refused
fixtures=$root/Tests/FilesTests/Fixtures
expect 65 train 2 "$run" --max-iterations 1 --initial "$weights" --critic-width 96
said "critic.fc1.weight has the shape \[64, 288\]; critic.fc1.weight is \[96, 288\]"
expect 65 train 2 "$run" --max-iterations 1 --initial "$root/Tests/Fixtures/initial/separate/netG.pth" --initial "$weights"
said "generator.fc1.weight is there twice"
expect 65 train 2 "$run" --max-iterations 1 --initial "$fixtures/evil.pt"
said "asks for posix.system, which is no plain tensor and is not looked up, so nothing was executed"
expect 65 train 2 "$run" --max-iterations 1 --initial "$fixtures/legacy.pt"
said "is PyTorch's form of before version 1.6"
head -c 3000 "$fixtures/kinds.pt" >"$scratch/cut.pt"
expect 65 train 2 "$run" --max-iterations 1 --initial "$scratch/cut.pt"
expect 65 train 2 "$run" --max-iterations 1 --initial "$scratch/nowhere.pt"
expect 0 train 2 "$run" --max-iterations 1

torch="NOT RUN: $python has no torch and safetensors (PEER_PYTHON may name one that has)"
if "$python" -c 'import torch, safetensors' 2>/dev/null; then
  case_file=$root/Tests/Fixtures/parity/basic.safetensors
  cat >"$scratch/to_torch.py" <<'PYTHON'
import os, sys
import torch
from safetensors.torch import load_file
case, out = load_file(sys.argv[1]), sys.argv[2]
os.makedirs(out)
names = {"netG": ("generator.fc1", "generator.fc2"), "netD": ("critic.fc1", "critic.fc2"),
         "netMap": ("embedding.fc", "projection.fc"), "F_ha": ("comparator.fc1", "comparator.fc2")}
for net, layers in names.items():
    state = {f"module.fc{i + 1}.{part}": case[f"parameters/{layer}.{part}"].contiguous()
             for i, layer in enumerate(layers) for part in ("weight", "bias")}
    torch.save(state, f"{out}/{net}.pth")
    torch.load(f"{out}/{net}.pth", weights_only=True)
PYTHON
  # The case with the weights of a checkpoint, one of them times a factor.
  cat >"$scratch/to_case.py" <<'PYTHON'
import sys
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
case, checkpoint, out, factor = sys.argv[1:]
with safe_open(case, "np") as file:
    metadata = file.metadata()
tensors, weights = load_file(case), load_file(checkpoint)
parameters = [name for name in tensors if name.startswith("parameters/")]
for name in parameters:
    tensors[name] = weights[name[len("parameters/"):]]
tensors["parameters/generator.fc1.weight"][0, 0] *= float(factor)
assert len(parameters) == 16
save_file(tensors, out, metadata)
PYTHON
  # 16 features and 6 attributes, as the case has them.
  awk 'BEGIN {
    for (c = 0; c < 6; c++) { printf "c%d", c; for (a = 0; a < 6; a++) printf ",%d", (c * 5 + a * a) % 7; print "" }
  }' | { echo class,a,b,c,d,e,f && cat; } >"$scratch/classes.csv"
  awk 'BEGIN {
    printf "label"; for (f = 0; f < 16; f++) printf ",f%d", f; print ""
    for (r = 0; r < 60; r++) { printf "c%d", r % 6; for (f = 0; f < 16; f++) printf ",%d", (r * 7 + f * f) % 11; print "" }
  }' >"$scratch/rows.csv"
  expect 0 "$program" assemble --features "$scratch/rows.csv" --descriptors "$scratch/classes.csv" --out "$scratch/data" --unseen c5 \
    --test-fraction 0.2
  expect 0 "$python" "$scratch/to_torch.py" "$case_file" "$scratch/torch"
  expect 0 "$root/launch/mpirun" 2 "$program" train --data "$scratch/data" --run "$scratch/torch-run" --initial "$scratch/torch" --epochs 0 \
    --batch-size 16 --generator-width 24 --critic-width 24 --embedding-size 20 --projection-size 8 --comparator-width 12
  for factor in 1 1.01; do
    expect 0 "$python" "$scratch/to_case.py" "$case_file" "$(checkpoint "$scratch/torch-run" 0)/model.safetensors" "$scratch/$factor.safetensors" "$factor"
  done
  expect 0 "$root/launch/mpirun" 2 "$program" parity "$scratch/1.safetensors"
  expect 1 "$program" parity "$scratch/1.01.safetensors"
  torch="those that torch.save wrote give a parity case its losses, gradients and updates"
fi

passed "initial weights are those of the files, on 1 and 2 ranks and after a resume; what does not fit is refused with 65; $torch"
