// What this processor can do and the system lets it do: CPUID and XGETBV, which Swift does not offer.
#ifndef CEGZSL_CPROCESSOR_SHIM_H
#define CEGZSL_CPROCESSOR_SHIM_H
#include <cpuid.h>

// The register states that the system saves: bits 1 and 2 for AVX, 5 to 7 for AVX-512.
static inline unsigned cegzsl_saved_states(void) {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE)) return 0;
  __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
  return a;
}

// Everything that code for LLVM's "haswell" may use: AVX2, FMA, BMI 1 and 2, F16C, LZCNT, MOVBE.
static inline int cegzsl_has_avx2(void) {
  unsigned a, b, c, d;
  const unsigned first = bit_FMA | bit_MOVBE | bit_F16C | bit_AVX | bit_POPCNT, second = bit_AVX2 | bit_BMI | bit_BMI2;
  if ((cegzsl_saved_states() & 0x6) != 0x6) return 0;
  if (!__get_cpuid(1, &a, &b, &c, &d) || (c & first) != first) return 0;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (b & second) != second) return 0;
  return __get_cpuid(0x80000001, &a, &b, &c, &d) && (c & bit_LZCNT) != 0;
}

// AVX-512 F, CD, BW, DQ and VL, which LLVM's "skylake-avx512" may use.
static inline int cegzsl_has_avx512(void) {
  unsigned a, b, c, d;
  const unsigned wanted = bit_AVX512F | bit_AVX512CD | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
  if (!cegzsl_has_avx2() || (cegzsl_saved_states() & 0xE6) != 0xE6) return 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & wanted) == wanted;
}

#endif
