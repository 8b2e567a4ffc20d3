#!/bin/sh
# The result does not depend on the number of ranks or threads: 1, 2, 3 and 5 ranks give the same bytes, through a batch
# that none of them divides; and a run may go on with another number of ranks.
set -eu
# shellcheck source=Tests/common.sh
. Tests/common.sh

last=checkpoints/iteration-000000012/model.safetensors
train 1 one --batch-size 101 --max-iterations 12 --threads 2 >/dev/null
train 1 single --batch-size 101 --max-iterations 12 --threads 1 >/dev/null
cmp "$folder/one/$last" "$folder/single/$last" || fail "1 and 2 threads differ"
for ranks in 2 3 5; do
  train "$ranks" "on$ranks" --batch-size 101 --max-iterations 12 >/dev/null
  cmp "$folder/one/$last" "$folder/on$ranks/$last" || fail "1 and $ranks ranks differ"
done
train 1 moving --batch-size 101 --max-iterations 4 >/dev/null
train 3 moving --batch-size 101 --max-iterations 8 --resume latest >/dev/null
train 2 moving --batch-size 101 --max-iterations 12 --resume latest >/dev/null
cmp "$folder/one/$last" "$folder/moving/$last" || fail "1, then 3, then 2 ranks differ from 1"

# All ablations run on two ranks and equal one rank.
for embedding in none semantic instance class; do
  train 1 "$embedding-1" --embedding "$embedding" --max-iterations 4 >/dev/null
  train 2 "$embedding-2" --embedding "$embedding" --max-iterations 4 >/dev/null
  file=checkpoints/iteration-000000004/model.safetensors
  cmp "$folder/$embedding-1/$file" "$folder/$embedding-2/$file" || fail "$embedding: 1 and 2 ranks differ"
done

# The authors' accumulating comparator gradient is another trajectory, and resumes like any other.
train 2 quirk --accumulate-comparator-gradient --max-iterations 6 >/dev/null
train 2 quirk-parts --accumulate-comparator-gradient --max-iterations 3 >/dev/null
train 2 quirk-parts --accumulate-comparator-gradient --max-iterations 6 --resume latest >/dev/null
file=checkpoints/iteration-000000006/model.safetensors
cmp "$folder/quirk/$file" "$folder/quirk-parts/$file" || fail "the accumulating gradient does not resume"

# Selection on validation runs, and says so.
train 2 selected --select validation --max-iterations 8 --evaluate-every 4 >/dev/null
grep -q '"selection" : "validation"' "$folder/selected/results.json" || fail "the selection is not recorded"
echo "passed: ranks"
