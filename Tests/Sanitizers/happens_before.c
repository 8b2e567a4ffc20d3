// Tells ThreadSanitizer what two libraries promise that are not instrumented. Without it, whatever they order looks like a race. Preloaded
// by launch/sanitize in front of both. Nothing is silenced: parts of a team that touch the same floats, and ranks that do, are still races.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

// Of the sanitizer's runtime, in the program.
extern void __tsan_acquire(void *place) __attribute__((weak));
extern void __tsan_release(void *place) __attribute__((weak));

static void *wrapped(const char *name) {
  void *function = dlsym(RTLD_NEXT, name);
  if (function && __tsan_acquire && __tsan_release) return function;
  fprintf(stderr, "happens_before: %s is missing: another libgomp or Swift, or no ThreadSanitizer\n", name);
  abort();
}

// libgomp: what the caller did before GOMP_parallel has happened before every part of the team, and all parts have happened before
// GOMP_parallel returns.

typedef void parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);

// On the caller's stack: another region under way is another place.
struct region {
  void (*body)(void *);
  void *data;
  char begun, done;
};

static void part(void *argument) {
  struct region *region = argument;
  __tsan_acquire(&region->begun);
  region->body(region->data);
  __tsan_release(&region->done);
}

void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags) {
  parallel *libgomp = (parallel *)wrapped("GOMP_parallel");
  struct region region = {body, data, 0, 0};
  __tsan_release(&region.begun);
  libgomp(part, &region, threads, flags);
  __tsan_acquire(&region.done);
}

// Swift's Mutex: whoever has the lock comes after whoever had it. Taking and giving back a lock that nobody waits for is compiled into the
// program, and so instrumented; these three functions of libswiftSynchronization do the rest.

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *mutex
#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define TRY_LOCK "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

SWIFT void lock(unsigned thread, SELF) __asm__(LOCK);
SWIFT bool try_lock(SELF) __asm__(TRY_LOCK);
SWIFT void unlock(SELF) __asm__(UNLOCK);

SWIFT void lock(unsigned thread, SELF) {
  ((SWIFT void (*)(unsigned, SELF))wrapped(LOCK))(thread, mutex);
  __tsan_acquire(mutex);
}

SWIFT bool try_lock(SELF) {
  bool is_taken = ((SWIFT bool (*)(SELF))wrapped(TRY_LOCK))(mutex);
  if (is_taken) __tsan_acquire(mutex);
  return is_taken;
}

SWIFT void unlock(SELF) {
  __tsan_release(mutex);
  ((SWIFT void (*)(SELF))wrapped(UNLOCK))(mutex);
}
