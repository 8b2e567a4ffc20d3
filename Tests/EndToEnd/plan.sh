#!/bin/sh
# cegzsl plan: a table and JSON for up to thousands of ranks; the memory that it predicts is what 'benchmark' then takes, on 1 and
# 2 ranks and in micro-batches; says what does not fit. (How well it predicts seconds stands in Measurements.md: that is measured, not tested.)
. "$(dirname -- "$0")/support/common.sh"

# number NAME: of the last line of JSON that the last command printed.
number() {
  sed -n "s/.*\"$1\": \([-0-9.e]*\)[,}].*/\1/p" "$scratch/output" | tail -n 1
}

skipped=''

# within SHARE NUMBER NUMBER
within() {
  awk -v share="$1" -v a="$2" -v b="$3" 'BEGIN { exit !(a > 0 && b > 0 && a < b * (1 + share) && a > b * (1 - share)) }'
}

for case in "1 awa1 128 0 float32" "2 awa1 128 32 float32" "2 tiny 8192 0 float32" "1 awa1 128 0 bfloat16"; do
  # shellcheck disable=SC2086 # one word per value
  set -- $case
  # Not every processor has products in bfloat16; 64 is what plan says then.
  status=0
  "$program" plan --preset tiny --ranks 1 --batch-size 64 --precision "$5" >/dev/null 2>&1 || status=$?
  if [ "$status" -eq 64 ]; then skipped="; $5 not on this processor" && continue; fi
  ranks=$1 rows=4096
  [ "$3" -le "$rows" ] || rows=$3
  set -- --preset "$2" --batch-size "$3" --micro-batch-size "$4" --precision "$5" --threads 1
  # The benchmark has 4096 rows of data, or as many as the batch.
  expect 0 "$root/launch/mpirun" "$ranks" "$program" plan "$@" --ranks "$ranks" --rows "$rows" --json
  [ "$(number ranks)" = "$ranks" ] || fail "the last line is not for $ranks ranks"
  planned=$(number memory_mib)
  expect 0 "$root/launch/mpirun" "$ranks" "$program" benchmark "$@" --iterations 1
  measured=$(number peak_rss_mib)
  within 0.15 "$planned" "$measured" || fail "planned $planned MiB for $case; it took $measured"
done

expect 0 "$program" plan --preset tiny --ranks 3000 --batch-size 262144 --ranks-per-host 64 --node-memory 4 \
  --bandwidth 100 --latency 2 --threads 1
said '^tiny, batch 262144, float32, 1 thread(s) a rank, 64 rank(s) a host; network assumed'
said '12.50.* GB/s and 2 µs between hosts'
[ "$(grep -c '^ *[0-9][0-9]* ' "$scratch/output")" -eq 13 ] || fail "not a line for each power of two below 3000 and for 3000"
said '^ *1 .*[0-9]$'
said '^ *64 .* does not fit: .* GiB on a host; a smaller --micro-batch-size, or fewer ranks a host$'
if grep -q 'nan\|inf' "$scratch/output"; then fail "a prediction is no number"; fi

expect 64 "$program" plan --preset awa1 --ranks 0
expect 64 "$program" plan --preset awa1 --ranks 2 --node-memory -1
for value in inf nan 1e300 1e-300; do expect 64 "$program" plan --preset awa1 --ranks 2 --product-rate "$value"; done
expect 64 "$program" plan --preset awa1
expect 64 "$program" plan --preset nowhere --ranks 2

passed "plan predicts the memory that training takes, for up to thousands of ranks$skipped"
