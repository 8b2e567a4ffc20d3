// What Swift does not offer: asking for memory before it is needed, and hiding a value from the optimizer.
#ifndef CEGZSL_CPREFETCH_SHIM_H
#define CEGZSL_CPREFETCH_SHIM_H
#include <stdint.h>
/// Brings the line of an address towards the second cache; never faults.
static inline void cegzsl_prefetch(const void *address) { __builtin_prefetch(address, 0, 2); }
/// The same for a line that will be written.
static inline void cegzsl_prefetch_for_write(const void *address) { __builtin_prefetch(address, 1, 2); }
/// The value itself, of which the compiler forgets how it was computed.
static inline uint64_t cegzsl_opaque(uint64_t value) {
  __asm__("" : "+r"(value));
  return value;
}
#endif
