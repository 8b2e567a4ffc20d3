#!/bin/sh
# 'cegzsl benchmark' prints one JSON line with all its fields, on one rank and two; a steady-state iteration makes no matrix;
# --profile says where the time went, and --products how fast each product is.
. "$(dirname -- "$0")/support/common.sh"

for ranks in 1 2; do
  expect 0 "$root/launch/mpirun" "$ranks" "$program" benchmark --preset awa1 --batch-size 64 --iterations 1 --threads 1
  [ "$(grep -c . "$scratch/output")" -eq 1 ] || fail "not one line on $ranks ranks"
  for field in preset batch precision ranks threads seconds_per_iteration samples_per_second peak_rss_mib \
    flops_per_iteration matmul_gflops utilization; do
    said "\"$field\": "
  done
  said "\"ranks\": $ranks,"
  said '"matrices_made": 0}'
done

expect 0 "$program" benchmark --preset tiny --batch-size 64 --iterations 1 --threads 1 --profile
said '^product .* x floor$'
said '^optimizer '

# A line for each product shape; the shares of an iteration's product time add up to 1. Where there is numpy, what it reaches is told apart from them.
products() { "$program" benchmark --preset tiny --batch-size 64 --products --threads 1 2>"$scratch/said"; }
expect 0 products
awk '
  !/"product":"[^"]*"/ || !/"gflops":[0-9]/ || !/"gflops_one_thread":[0-9]/ || !/"m":[0-9]/ || !/"n":[0-9]/ || !/"k":[0-9]/ { exit 1 }
  { sub(/.*"share":/, ""); sum += $0 }
  END { exit !(NR > 5 && sum > 0.999 && sum < 1.001) }' "$scratch/output" || fail "product lines without their fields"
expect 64 env PEER_PYTHON="$scratch/no-python" "$program" benchmark --preset tiny --batch-size 64 --products
said "PEER_PYTHON names, $scratch/no-python, does not start"

passed "benchmark reports its fields on 1 and 2 ranks, and no matrix made in a steady-state iteration"
