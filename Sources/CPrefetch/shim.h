// Asking for memory before it is needed: a compiler's builtin that Swift does not offer.
#ifndef CEGZSL_CPREFETCH_SHIM_H
#define CEGZSL_CPREFETCH_SHIM_H
/// Brings the line of an address towards the second cache; never faults.
static inline void cegzsl_prefetch(const void *address) { __builtin_prefetch(address, 0, 2); }
/// The same for a line that will be written.
static inline void cegzsl_prefetch_for_write(const void *address) { __builtin_prefetch(address, 1, 2); }
#endif
