#!/bin/sh
# A run that exists is refused (64) and left as it is; '--resume latest' where there is no checkpoint yet starts afresh.
. "$(dirname -- "$0")/support/common.sh"

run=$scratch/run
expect 0 train 2 "$run" --seed 7 --max-iterations 3 --resume latest
[ -e "$(checkpoint "$run" 3)/manifest.json" ] || fail "no checkpoint after the last iteration"
[ -s "$run/config.yaml" ] || fail "no config.yaml"
[ -s "$run/results.json" ] || fail "no results.json"

digest "$run" >"$scratch/before"
expect 64 train 2 "$run" --seed 7 --max-iterations 5
said "--resume latest"
digest "$run" >"$scratch/after"
diff "$scratch/before" "$scratch/after" >"$scratch/output" || fail "the refused command changed the existing run"

passed "an existing run is refused and unchanged; --resume latest without a checkpoint starts afresh"
