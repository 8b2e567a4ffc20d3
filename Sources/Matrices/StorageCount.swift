/// Counts the storages that some work makes: that a step makes none, or how many floats its owners take.
///
/// `@unchecked Sendable`: only the thread that began to count meets it.
package final class StorageCount: @unchecked Sendable {
  @TaskLocal private static var current: StorageCount?

  package private(set) var storages = 0
  package private(set) var floats = 0
  private let areReal: Bool

  private init(areReal: Bool) { self.areReal = areReal }

  /// Counts what `body` makes on this thread.
  ///
  /// - Parameter areReal: false: storages have their size and no memory, and nobody may touch an element. So the buffers of a step
  ///   that would not fit on this machine can be made and added up.
  package static func during<Result>(areReal: Bool = true, _ body: (StorageCount) throws -> Result) rethrows -> Result {
    let count = StorageCount(areReal: areReal)
    return try $current.withValue(count) { try body(count) }
  }

  /// Runs `body`, whose storages have memory and do not count.
  package static func pausing<Result>(_ body: () throws -> Result) rethrows -> Result {
    try $current.withValue(nil, operation: body)
  }

  /// Books a new storage; returns whether it is to have memory.
  static func book(_ floats: Int) -> Bool {
    guard let current else { return true }
    current.storages += 1
    current.floats += floats
    return current.areReal
  }
}
