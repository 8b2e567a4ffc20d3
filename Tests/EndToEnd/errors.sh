#!/bin/sh
# Exit statuses that scripts rely on, and messages that say what to do.
set -eu
# shellcheck source=Tests/common.sh
. Tests/common.sh

expect 64 "an unknown option" "$CEGZSL" train --data "$folder/data" --run "$folder/r" --batchsize 3
expect 64 "a bad value" "$CEGZSL" train --data "$folder/data" --run "$folder/r" --batch-size zero
expect 64 "an unknown preset" "$CEGZSL" train --data "$folder/data" --run "$folder/r" --preset awa9
expect 64 "a batch larger than the data" train 2 large --batch-size 1000000
grep -q "at most" "$folder/output" || fail "the largest possible batch is not named"
expect 65 "a missing folder" "$CEGZSL" train --data "$folder/nowhere" --run "$folder/r"
expect 65 "data missing on both ranks" launch/mpirun 2 "$CEGZSL" train --data "$folder/nowhere" --run "$folder/r"
expect 65 "inspecting nothing" "$CEGZSL" inspect --data "$folder/nowhere"
expect 66 "no checkpoint" "$CEGZSL" evaluate --data "$folder/data" --checkpoint "$folder/nowhere"
[ ! -e "$folder/r" ] || fail "a refused run left a directory"
printf 'batch-sise: 3\n' >"$folder/wrong.yaml"
expect 64 "an unknown name in a file" "$CEGZSL" train --data "$folder/data" --run "$folder/r" --config "$folder/wrong.yaml"
grep -q "batch-size" "$folder/output" || fail "the near name is not offered"

head -c 20000 "$folder/data/res101.mat" >"$folder/cut.mat"
mkdir "$folder/cut"
mv "$folder/cut.mat" "$folder/cut/res101.mat"
cp "$folder/data/att_splits.mat" "$folder/cut"
expect 65 "truncated features" "$CEGZSL" inspect --data "$folder/cut"
grep -q "truncated" "$folder/output" || fail "truncation is not named"

# Ranks with different settings, and with different data.
cat >"$folder/seed.sh" <<'SCRIPT'
#!/bin/sh
exec "$CEGZSL" "$@" --seed "1$OMPI_COMM_WORLD_RANK"
SCRIPT
expect 78 "different seeds" launch/mpirun 2 sh "$folder/seed.sh" train --data "$folder/data" --run "$folder/r" --preset tiny
grep -q -- "--seed=10 on rank 0 but --seed=11 on rank 1" "$folder/output" || fail "the difference is not named"
"$CEGZSL" demo-data --out "$folder/data1" --seed 7 >/dev/null
cp -r "$folder/data" "$folder/data0"
cat >"$folder/data.sh" <<'SCRIPT'
#!/bin/sh
exec "$CEGZSL" train --data "$1$OMPI_COMM_WORLD_RANK" --run "$2" --preset tiny
SCRIPT
expect 78 "different data" launch/mpirun 2 sh "$folder/data.sh" "$folder/data" "$folder/r"

# SIGUSR1 to mpirun: saved, status 75, and the resumed run is as if nothing had happened.
train 2 whole --max-iterations 60 --checkpoint-every 0 >/dev/null
# Not through the function: $! must be mpirun itself.
launch/mpirun 2 "$CEGZSL" train --data "$folder/data" --run "$folder/stopped" --preset tiny \
  --synthetic-per-class 20 --classifier-epochs 2 --max-iterations 60 --checkpoint-every 0 >"$folder/output" 2>&1 &
launcher=$!
deadline=$(($(date +%s) + 120))
until [ -s "$folder/stopped/metrics.jsonl" ]; do
  [ "$(date +%s)" -lt "$deadline" ] || fail "a run does not start"
  kill -0 "$launcher" 2>/dev/null || break
  sleep 0.1
done
kill -USR1 "$launcher" 2>/dev/null || true
status=0
wait "$launcher" || status=$?
if [ "$status" -eq 75 ]; then
  train 2 stopped --max-iterations 60 --checkpoint-every 0 --resume latest >/dev/null
else
  cat "$folder/output" >&2
  fail "a run that got SIGUSR1 ended with $status instead of 75"
fi
cmp "$folder/whole/checkpoints/iteration-000000060/model.safetensors" \
  "$folder/stopped/checkpoints/iteration-000000060/model.safetensors" || fail "stopping changed the result"
echo "passed: errors"
