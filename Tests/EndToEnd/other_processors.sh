#!/bin/sh
# The same bytes on any number of ranks and threads on processors without AVX-512 too: oneDNN is told to use the kernels of older
# ones, whose products have to be cut in another way.
. "$(dirname -- "$0")/support/common.sh"

# Sums of more than 768 terms, 1000 rows that 3 ranks share unevenly, and widths that no block divides.
wide="--batch-size 1000 --embedding-size 900 --comparator-width 850 --critic-width 330 --seed 3 --max-iterations 2 --reproducible"
for kernels in AVX2 SSE41; do
  export DNNL_MAX_CPU_ISA="$kernels"
  # shellcheck disable=SC2086 # one word per option
  expect 0 train 1 "$scratch/one-$kernels" $wide --threads 2
  for ranks in 2 3; do
    # shellcheck disable=SC2086 # one word per option
    expect 0 train "$ranks" "$scratch/many-$kernels-$ranks" $wide --threads 1
    expect_same_state "$(checkpoint "$scratch/one-$kernels" 2)" "$(checkpoint "$scratch/many-$kernels-$ranks" 2)"
  done
done
cmp -s "$(checkpoint "$scratch/one-AVX2" 2)/model.safetensors" "$(checkpoint "$scratch/one-SSE41" 2)/model.safetensors" &&
  fail "AVX2 and SSE4.1 kernels gave the same bits: the choice had no effect"

passed "with oneDNN's AVX2 and SSE4.1 kernels: 1, 2 and 3 ranks give the same bytes"
