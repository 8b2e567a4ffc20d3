import CMalloc

/// How the C library's allocator treats large blocks, in this process. By default it keeps what is smaller than a size that it
/// raises, up to 32 MiB, with every larger block that is freed: a rank's memory then differed by up to a third between runs.
package enum AllocatorSettings {
  /// What is larger than 1 MiB goes back to the system when it is freed: for what happens once, such as loading.
  ///
  /// To be called before other threads start.
  package static func returnFreedMemory() {
    mallopt(M_MMAP_THRESHOLD, 1 << 20)
    mallopt(M_TRIM_THRESHOLD, 4 << 20)
  }

  /// What is smaller than 32 MiB is kept for the next of its size: for iterations and classifiers, where some
  /// passes allocate anew in every step, and fresh pages took 4 % of the time.
  package static func keepFreedMemory() {
    mallopt(M_MMAP_THRESHOLD, 32 << 20)
    mallopt(M_TRIM_THRESHOLD, 512 << 20)
  }

  /// What is free goes back to the system, wherever it lies; the next to need memory gets fresh pages. For what happens now and then: texts
  /// and tensors of saves fall apart into pieces that the allocator would keep, and a run's memory crept up by a twentieth.
  package static func returnUnusedMemory() { malloc_trim(0) }
}
