/// What the driving thread does every few milliseconds while it multiplies: lets messages to other ranks move on. It holds for what is
/// called within `during`.
///
/// `@unchecked Sendable`: used by the thread that called `during` only.
package final class ProductBreaks: @unchecked Sendable {
  @TaskLocal private static var current: ProductBreaks?

  private let body: () -> Bool
  /// Whether the last break found something to look after: only then are products cut into pieces for more of them.
  private var areNeeded = false

  /// - Parameter body: nothing that takes long, or multiplies. Returns whether it wants to be called again soon.
  package init(_ body: @escaping () -> Bool) { self.body = body }

  /// Runs `work`, whose products take these breaks; nil: none.
  package static func during<Result>(_ breaks: ProductBreaks?, _ work: () throws -> Result) rethrows -> Result {
    try $current.withValue(breaks, operation: work)
  }

  static func take() {
    if let current { current.areNeeded = current.body() }
  }

  static var areNeeded: Bool { current?.areNeeded ?? false }
}
