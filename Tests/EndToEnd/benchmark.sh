#!/bin/sh
# 'cegzsl benchmark' prints one JSON line with all its fields, on one rank and two; a steady-state iteration makes no matrix;
# --profile says where the time went.
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

passed "benchmark reports its fields on 1 and 2 ranks, and no matrix made in a steady-state iteration"
