#!/bin/sh
# reference: the authors' flags train on the layout that they name, and print the command in our words, which does the same; what cannot be
# followed is refused (64).
. "$(dirname -- "$0")/support/common.sh"

mkdir -p "$scratch/data/DEMO"
cp "$demo"/*.mat "$scratch/data/DEMO/"
cd "$scratch"
set -- --dataset DEMO --dataroot data --class_embedding att --image_embedding res101 --syn_num 20 --batch_size 50 --nz 8 --ngh 64 --ndh 64 \
  --embedSize 32 --outzSize 16 --nhF 32 --ins_weight 0.01 --cls_weight 0.01 --ins_temp 0.1 --cls_temp 0.1 --manualSeed 7 --nepoch 1 \
  --lr 3e-4 --lr_decay_epoch 100 --classifier_lr 0.01 --lambda1 10 --critic_iter 2 --cuda --gpus 0 --nclass_all 16 --nclass_seen 12
expect 0 "$program" reference --print "$@"
said "note: sizes come from the data: --nclass_all, --nclass_seen not needed"
said "note: --cuda, --gpus ignored"
[ ! -e models ] || fail "--print made a run"
grep '^cegzsl train ' "$scratch/output" >"$scratch/command"
expect 0 "$root/launch/mpirun" 2 "$program" reference "$@"
grep -q '"harmonic"' models/DEMO-7/results.json || fail "no results"
grep '^cegzsl train ' "$scratch/output" | cmp - "$scratch/command" 2>/dev/null || fail "two ways to print the command"
# The printed command, elsewhere.
sed "s|^cegzsl |$program |; s|--run [^ ]*|--run $scratch/again|" "$scratch/command" >"$scratch/again.sh"
expect 0 sh "$scratch/again.sh"
last=$(find models/DEMO-7/checkpoints -name 'iteration-?????????' | sort | tail -n 1)
expect_same_state "$last" "$scratch/again/checkpoints/$(basename "$last")"

# It stops as train does.
"$root/launch/mpirun" 2 "$program" reference "$@" --nepoch 1000000 --run stopped >"$scratch/output" 2>&1 </dev/null &
launcher=$!
wait_until 60 [ -s stopped/metrics.jsonl ] || fail "reference did not begin"
kill -TERM "$launcher"
status=0
wait "$launcher" || status=$?
[ "$status" -eq 75 ] || fail "reference that was stopped ended with $status, not 75"

expect 64 "$root/launch/mpirun" 2 "$program" reference --dataset DEMO --validation
said "^cegzsl: reference: --validation: use 'cegzsl train --select validation'"
expect 64 "$program" reference --batchsize 3
said "did you mean --batch_size?"
expect 65 "$program" reference --dataset nowhere
said "data/nowhere"

passed "the authors' flags train on their layout, and the command that is printed gives the same bytes"
