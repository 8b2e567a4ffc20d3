import CMalloc

/// How the C library's allocator treats large blocks, in this process.
package enum AllocatorSettings {
  /// What is larger than 1 MiB goes back to the system when it is freed. By default the allocator raises that size, up to 32 MiB, with
  /// every larger block that is freed, and keeps what is smaller: the memory of a rank then differed by up to a third between runs.
  ///
  /// To be called once, before other threads start.
  package static func returnFreedMemory() {
    mallopt(M_MMAP_THRESHOLD, 1 << 20)
    mallopt(M_TRIM_THRESHOLD, 4 << 20)
  }
}
