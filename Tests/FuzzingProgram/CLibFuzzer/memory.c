// Counts allocations: AddressSanitizer calls what is installed for each; without it these functions take the place of the C library's. Nothing
// here may allocate, which is why it is written in C.
#include "libfuzzer.h"

// Signed: what was allocated before may be freed meanwhile.
static _Thread_local long live, peak;

static void count(long size) {
  live += size;
  if (live > peak) peak = live;
}

long memory_count_peak(void) { return peak; }

#if __has_feature(address_sanitizer)

int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t), void (*on_free)(const volatile void *));
size_t __sanitizer_get_allocated_size(const volatile void *);

static void on_malloc(const volatile void *pointer, size_t size) {
  (void)pointer;
  count((long)size);
}

static void on_free(const volatile void *pointer) {
  if (pointer) live -= (long)__sanitizer_get_allocated_size(pointer);
}

void memory_count_start(void) {
  static int is_installed;
  if (!is_installed) is_installed = __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
  live = peak = 0;
}

#else

#include <errno.h>
#include <malloc.h>

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

static void *counted(void *pointer) {
  if (pointer) count((long)malloc_usable_size(pointer));
  return pointer;
}

void *malloc(size_t size) { return counted(__libc_malloc(size)); }
void *calloc(size_t number, size_t size) { return counted(__libc_calloc(number, size)); }
void *memalign(size_t alignment, size_t size) { return counted(__libc_memalign(alignment, size)); }
void *aligned_alloc(size_t alignment, size_t size) { return counted(__libc_memalign(alignment, size)); }

int posix_memalign(void **result, size_t alignment, size_t size) {
  void *pointer = counted(__libc_memalign(alignment, size));
  if (!pointer) return ENOMEM;
  *result = pointer;
  return 0;
}

void *realloc(void *old, size_t size) {
  if (old) live -= (long)malloc_usable_size(old);
  return counted(__libc_realloc(old, size));
}

void free(void *pointer) {
  if (pointer) live -= (long)malloc_usable_size(pointer);
  __libc_free(pointer);
}

void memory_count_start(void) { live = peak = 0; }

#endif
