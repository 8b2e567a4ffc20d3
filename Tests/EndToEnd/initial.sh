#!/bin/sh
# --initial: a run starts from the weights of given files, on any number of ranks, and not from its seed's; what does not fit is refused
# (65) and leaves the run directory free; a resumed run does not read them again. With PyTorch (CEGZSL_TORCH names a Python that has it),
# also from files that torch.save makes here, in the authors' names.
. "$(dirname -- "$0")/support/common.sh"

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

if [ -n "${CEGZSL_TORCH:-}" ]; then
  "$CEGZSL_TORCH" - "$weights" "$scratch/torch" <<'PYTHON'
import os, sys
import torch
from safetensors.torch import load_file
ours, out = load_file(sys.argv[1]), sys.argv[2]
os.makedirs(out)
names = {"netG": ("generator.fc1", "generator.fc2"), "netD": ("critic.fc1", "critic.fc2"),
         "netMap": ("embedding.fc", "projection.fc"), "F_ha": ("comparator.fc1", "comparator.fc2")}
for net, layers in names.items():
    state = {f"module.fc{i + 1}.{part}": ours[f"{layer}.{part}"] for i, layer in enumerate(layers) for part in ("weight", "bias")}
    torch.save(state, f"{out}/{net}.pth")
    torch.load(f"{out}/{net}.pth", weights_only=True)
PYTHON
  expect 0 train 2 "$scratch/torch-run" --seed 3 --epochs 0 --initial "$scratch/torch"
  cmp "$weights" "$(checkpoint "$scratch/torch-run" 0)/model.safetensors" >"$scratch/output" 2>&1 || fail "other weights from torch"
fi

passed "initial weights are those of the files, on 1 and 2 ranks and after a resume; what does not fit is refused with 65"
