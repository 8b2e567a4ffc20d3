#!/bin/sh
# The loss curve does not depend on the number of ranks: the same seed on 1, 2 and 3 ranks gives the same first losses
# up to rounding. Uneven shards (17, 17 and 16 rows of a batch of 50) are part of it.
. "$(dirname -- "$0")/support/common.sh"

iterations=5
# Relative to the largest loss of its network in that iteration: the Wasserstein estimate is a difference of two means
# that are nearly equal at the start, so its own size says nothing about its rounding.
tolerance=1e-5

for ranks in 1 2 3; do
  expect 0 train "$ranks" "$scratch/run-$ranks" --seed 7 --max-iterations "$iterations"
  losses "$scratch/run-$ranks/metrics.jsonl" "$iterations" >"$scratch/losses-$ranks"
  lines=$(wc -l <"$scratch/losses-$ranks")
  [ "$lines" -eq $((9 * iterations)) ] || fail "$lines losses on $ranks ranks, expected $((9 * iterations))"
  if grep -q missing "$scratch/losses-$ranks"; then fail "metrics.jsonl lacks a loss on $ranks ranks"; fi
done

worst_of_all=0
for ranks in 2 3; do
  paste -d ' ' "$scratch/losses-1" "$scratch/losses-$ranks" >"$scratch/output"
  worst=$(awk '
    function size(x) { return x < 0 ? -x : x }
    $1 != $5 || $2 != $6 || $3 != $7 { print "misaligned"; exit }
    {
      key = $1 " " $2
      if (size($4) > scale[key]) scale[key] = size($4)
      if (size($4 - $8) > gap[key]) gap[key] = size($4 - $8)
    }
    END { for (key in gap) if (gap[key] > worst * scale[key]) worst = gap[key] / scale[key]; print worst + 0 }
  ' "$scratch/output")
  awk -v worst="$worst" -v tolerance="$tolerance" 'BEGIN { exit !(worst ~ /^[0-9]/ && worst + 0 <= tolerance + 0) }' ||
    fail "losses on 1 and $ranks ranks differ by $worst, allowed $tolerance (columns: 1 rank, $ranks ranks)"
  worst_of_all=$(printf '%s\n' "$worst_of_all" "$worst" | sort -g | tail -n 1)
done
# Another seed must differ: otherwise the comparison above would prove nothing.
expect 0 train 1 "$scratch/other" --seed 8 --max-iterations "$iterations"
losses "$scratch/other/metrics.jsonl" "$iterations" >"$scratch/losses-other"
if cmp -s "$scratch/losses-1" "$scratch/losses-other"; then fail "another seed gives the same losses"; fi

passed "losses of $iterations iterations agree on 1, 2 and 3 ranks (worst $worst_of_all)"
