// AddressSanitizer calls these for every allocation; they must not allocate themselves, which is why they are written in C.
#include "libfuzzer.h"

int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t), void (*on_free)(const volatile void *));
size_t __sanitizer_get_allocated_size(const volatile void *);

// Signed: what was allocated before may be freed meanwhile.
static _Thread_local long live, peak;
static int is_installed;

static void on_malloc(const volatile void *pointer, size_t size) {
  (void)pointer;
  live += (long)size;
  if (live > peak) peak = live;
}

static void on_free(const volatile void *pointer) {
  if (pointer) live -= (long)__sanitizer_get_allocated_size(pointer);
}

void memory_count_start(void) {
  if (!is_installed) is_installed = __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
  live = peak = 0;
}

long memory_count_peak(void) { return peak; }
