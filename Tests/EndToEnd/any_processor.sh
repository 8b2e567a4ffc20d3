#!/bin/sh
# One program, the same bytes on every processor: the model after 50 iterations has the SHA-256 that is committed, on 1 and 2 ranks
# and 1 and 2 threads and with every vector width that this processor has. AVX-512 code is where it belongs and nowhere else. An
# emulated processor without AVX-512 gives the same bytes, and one without AVX2 is refused with 69.
. "$(dirname -- "$0")/support/common.sh"

fixture=$root/Tests/Fixtures/models.sha256
unset CEGZSL_VECTOR

expect 64 env CEGZSL_VECTOR=avx1024 "$program" presets
said "CEGZSL_VECTOR=avx1024 names no vector width"
widths=avx2
if env CEGZSL_VECTOR=avx512 "$program" presets >"$scratch/output" 2>&1; then
  widths="avx2 avx512"
else
  said "CEGZSL_VECTOR=avx512, but this processor has no AVX-512"
  expect 64 env CEGZSL_VECTOR=avx512 "$root/launch/mpirun" 2 "$program" presets
  [ "$(grep -c "no AVX-512" "$scratch/output")" -eq 1 ] || fail "not said once"
fi

# same_model NAME DATA OPTION…: trains in all ways and compares with the fixture.
same_model() {
  name=$1 data=$2
  shift 2
  wanted=$(awk -v name="$name" '$2 == name { print $1 }' "$fixture")
  [ -n "$wanted" ] || fail "$fixture has no $name"
  for width in $widths; do
    for ways in "1 1" "1 2" "2 1" "2 2"; do
      ranks=${ways% *} threads=${ways#* }
      run=$scratch/$name-$width-$ranks-$threads
      expect 0 env CEGZSL_VECTOR="$width" OMP_NUM_THREADS="$threads" "$root/launch/mpirun" "$ranks" --threads "$threads" \
        "$program" train --data "$data" --run "$run" --max-iterations 50 --evaluate-every 0 --checkpoint-every 0 \
        --classifier-epochs 1 "$@"
      found=$(sha256sum <"$(checkpoint "$run" 50)/model.safetensors" | cut -d ' ' -f 1)
      [ "$found" = "$wanted" ] ||
        fail "$name, $width, $ranks rank(s) of $threads thread(s): the model's SHA-256 is $found, not $wanted"
    done
  done
}

same_model tiny "$demo" --preset tiny
also=''
# The second data set is no part of the repository.
debtags=${DEBTAGS_DATA:-$root/../shared/data/debtags}
if [ -e "$debtags/res101.mat" ]; then
  same_model debtags "$debtags" --seed 1 --batch-size 100 --embedding-size 512 --projection-size 128 \
    --comparator-width 256 --generator-width 1024 --critic-width 1024 --synthetic-per-class 10
  also=' and debtags'
fi

# A function that uses the registers of AVX-512 must belong to the loops that are called only where there is AVX-512. The linker
# keeps one of several equal functions: compiled for AVX-512, it would end the program elsewhere.
objdump --disassemble --no-show-raw-insn "$program" | awk '
  /^[0-9a-f]+ <.*>:$/ { name = $2 }
  /%zmm|%k[0-7]|%[xy]mm(1[6-9]|2[0-9]|3[01])/ { if (name ~ /LoopsAVX512/) inside++; else print name }
  END { if (!inside) print "no code for AVX-512 at all" }' | sort | uniq -c >"$scratch/output"
[ ! -s "$scratch/output" ] || fail "AVX-512 outside of its loops"

emulated=' (no emulator: other processors not tried)'
if command -v qemu-x86_64 >/dev/null 2>&1; then
  expect 69 qemu-x86_64 -cpu Nehalem "$program" presets
  said "this processor has no AVX2"
  small="--batch-size 16 --critic-iterations 1 --max-iterations 2 --evaluate-every 0 --classifier-epochs 1 --synthetic-per-class 5"
  # shellcheck disable=SC2086 # one word per option
  expect 0 qemu-x86_64 -cpu Haswell "$program" train --data "$demo" --run "$scratch/emulated" --preset tiny $small --threads 1
  # shellcheck disable=SC2086
  expect 0 "$program" train --data "$demo" --run "$scratch/native" --preset tiny $small --threads 1
  expect_same_state "$(checkpoint "$scratch/emulated" 2)" "$(checkpoint "$scratch/native" 2)"
  emulated=', on an emulated Haswell; 69 on an emulated Nehalem'
fi

passed "one SHA-256 on 1 and 2 ranks, 1 and 2 threads, with $widths, tiny$also$emulated"
