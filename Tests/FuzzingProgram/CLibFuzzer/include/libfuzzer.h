// What libFuzzer's library offers (compiler-rt), and the memory that a call takes at most.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// Runs `callback` on one input after the other, with libFuzzer's own arguments.
int LLVMFuzzerRunDriver(int *argument_count, char ***arguments, int (*callback)(const uint8_t *bytes, size_t count));

/// Counts from here on what is allocated and not freed yet.
void memory_count_start(void);
/// The most that it was since.
long memory_count_peak(void);
