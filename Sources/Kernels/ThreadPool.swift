import COneDNN
import Glibc
import Profiling

/// libgomp's threads, which products, passes and oneDNN's products of bfloat16 share. The whole process's, as the processors are: two pools
/// would spin against each other.
package enum ThreadPool {
  /// Threads that a product or a pass of this process uses; 1 or more.
  package static var threadCount: Int { Int(omp_get_max_threads()) }

  /// Sets the number of threads for all products and passes to come. Called once, before the first of them.
  package static func setThreadCount(_ count: Int) {
    precondition(count >= 1 && count <= 4096, "\(count) threads")
    omp_set_num_threads(Int32(count))
  }

  /// Processors that the threads are spread over where OMP_PROC_BIND ties each to some of them: the calling thread may then use only
  /// its own. nil where they are free.
  package static var boundProcessors: [Int]? {
    guard omp_get_proc_bind() != 0, omp_get_num_places() > 0 else { return nil }
    return (0..<omp_get_num_places()).flatMap { place in
      var processors = [Int32](repeating: 0, count: Int(omp_get_place_num_procs(place)))
      omp_get_place_proc_ids(place, &processors)
      return processors.map { Int($0) }
    }.sorted()
  }
}

/// Runs `body` on consecutive parts of 0..<count, one part per thread, and returns when all are done. Parts hold at
/// least `grain` items, so that little work stays on the calling thread.
///
/// `body` runs on several threads at once: it may write only what belongs to its own part.
///
/// - Parameters:
///   - name: of the pass, for `Profile`.
///   - floats: how many floats the pass has to read or write at least.
package func parallel(
  _ count: Int, grain: Int = 1, _ name: StaticString, kind: WorkKind = .elementwise, floats: @autoclosure () -> Int,
  _ body: (Range<Int>) -> Void
) {
  let start = Profile.current.begin()
  fork(count, grain: grain, body)
  Profile.current.end(start, kind, "\(name)", bytes: 4 * floats())
}

/// `parallel` without a place in the profile.
func fork(_ count: Int, grain: Int = 1, _ body: (Range<Int>) -> Void) {
  guard count > 0 else { return }
  let parts = min(ThreadPool.threadCount, max(1, count / max(grain, 1)))
  guard parts > 1 else { return body(0..<count) }
  withoutActuallyEscaping(body) { escaping in
    var work = ParallelWork(count: count, body: escaping)
    withUnsafeMutablePointer(to: &work) { pointer in
      GOMP_parallel(runPart, pointer, UInt32(parts), 0)
    }
  }
}

private struct ParallelWork {
  let count: Int
  let body: (Range<Int>) -> Void
}

/// One thread's share, called by libgomp on each thread of the team.
private let runPart: @convention(c) (UnsafeMutableRawPointer?) -> Void = { pointer in
  guard let work = pointer?.assumingMemoryBound(to: ParallelWork.self) else { return }
  let parts = Int(omp_get_num_threads())
  let part = Int(omp_get_thread_num())
  let count = work.pointee.count
  let first = count * part / parts
  let last = count * (part + 1) / parts
  if first < last { work.pointee.body(first..<last) }
}

/// Runs `body` on stripes of columns: every thread owns whole columns, so sums over rows need no exchange between threads
/// and their order does not depend on the thread count.
///
/// - Parameter rowsHeld: rows of sums that a stripe keeps going back to; stripes are as wide as lets them stay in a
///   thread's own cache.
package func parallelStripes(
  _ columnCount: Int, rowsHeld: Int = 1, _ name: StaticString, floats: @autoclosure () -> Int,
  _ body: (Range<Int>) -> Void
) {
  let block = 64
  let widest = max(block, (1 << 17) / max(rowsHeld, 1))
  parallel((columnCount + block - 1) / block, name, floats: floats()) { part in
    let own = (part.lowerBound * block)..<min(part.upperBound * block, columnCount)
    for first in stride(from: own.lowerBound, to: own.upperBound, by: widest) {
      body(first..<min(first + widest, own.upperBound))
    }
  }
}
