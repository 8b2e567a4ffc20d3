#!/bin/sh
# Commands that surprised people who trained with other programs: a number beyond float32, a classifier that overflows, a resume that
# would part configuration and figures, fewer epochs than are done, batches of one row, a checkpoint that is not there.
. "$(dirname -- "$0")/support/common.sh"

run=$scratch/run
# A number that float32 rounds to 0 or infinity, or has no inverse of.
for option in "--instance-temperature 1e-50" "--instance-temperature 1e-40" "--class-temperature 1e-50" "--learning-rate 1e-50" \
  "--gradient-penalty-weight 1e50" "--instance-weight 1e50" "--learning-rate 1e50" "--classifier-learning-rate 1e50"; do
  # shellcheck disable=SC2086 # an option and its value
  expect 64 train 2 "$run" $option
  said "in float32's range"
done

# What is not finite is named, with the option that moves it, and a checkpoint only where there is one.
expect 71 train 2 "$scratch/bad" --max-iterations 4 --class-temperature 2e-38
said "Try a larger --class-temperature"
! grep -q "is good" "$scratch/output" || fail "a checkpoint that there is not"
expect 0 train 2 "$run" --max-iterations 4 --checkpoint-every 2
expect 71 train 2 "$scratch/good" --max-iterations 20 --learning-rate 1e5 --critic-iterations 1 --checkpoint-every 1
said "iteration 2, .* No update was made; $(checkpoint "$scratch/good" 1) is good\. Try a lower --learning-rate"
[ -e "$(checkpoint "$scratch/good" 1)/manifest.json" ] || fail "the checkpoint that is called good is not there"

# The model is saved; its classifier overflows.
expect 71 train 2 "$scratch/overflow" --max-iterations 2 --classifier-learning-rate 1e38
said "^cegzsl: the final classifier's weights are not finite, so there are no figures; the model itself is good: $(checkpoint "$scratch/overflow" 2)\. Try a lower --classifier-learning-rate"
[ ! -e "$scratch/overflow/results.json" ] || fail "figures of a classifier that overflowed"
expect 71 "$root/launch/mpirun" 2 "$program" evaluate --data "$demo" --checkpoint "$scratch/overflow" --classifier-learning-rate 1e38
said "^cegzsl: the final classifier's weights"
expect 0 train 2 "$scratch/overflow" --resume latest --classifier-learning-rate 0.001

# A finished run with other classifier options, or fewer epochs than are done: nothing changes.
digest "$run" | grep -v lock >"$scratch/before"
for option in "--synthetic-per-class 7" "--classifier-epochs 3" "--classifier-batch-size 9"; do
  # shellcheck disable=SC2086 # an option and its value
  expect 64 "$root/launch/mpirun" 2 "$program" train --data "$demo" --run "$run" --resume latest $option
  said "${option%% *} was .* and is ${option##* }"
  said "cegzsl evaluate"
done
expect 0 "$root/launch/mpirun" 2 "$program" train --data "$demo" --run "$run" --resume latest --max-iterations 3
said "after iteration 4 already, and these options end it after iteration 3: nothing is done or changed"
digest "$run" | grep -v lock | cmp - "$scratch/before" >"$scratch/output" 2>&1 || fail "a refused resume changed the run"
# With other training options as before, and with more iterations the run goes on.
expect 0 "$root/launch/mpirun" 2 "$program" train --data "$demo" --run "$run" --resume latest --max-iterations 5
grep -q '"iteration" *: *5' "$run/results.json" || fail "no results of iteration 5"

# Batches that leave ranks with a row or two.
expect 0 train 2 "$scratch/three" --batch-size 3 --max-iterations 1
said "batch 3 over 2 rank(s), at most 2 rows each"
expect 0 train 1 "$scratch/one" --batch-size 1 --max-iterations 1
said "note: a batch of 1 row has no contrast"
said "batch 1 over 1 rank(s), 1 row each"

# A checkpoint that is not there.
expect 66 train 2 "$run" --max-iterations 6 --resume "$run/checkpoints/iteration-000000099"
said "^cegzsl: there is no checkpoint at $run/checkpoints/iteration-000000099"
expect 66 "$program" evaluate --data "$demo" --checkpoint "$scratch/nowhere"
said "^cegzsl: there is no checkpoint at $scratch/nowhere"

passed "numbers beyond float32 64, overflow 71 with the checkpoint that is good, resumes that would part figures and configuration, batches of one row, missing checkpoints 66"
