/// What the driving thread does every few milliseconds while it multiplies: lets messages to other ranks move on. It holds for the products
/// within `ProductContext.during`.
package final class ProductBreaks {
  private let body: () -> Bool
  /// Whether the last break found something to look after: only then are products cut into pieces for more of them.
  private(set) var areNeeded = false

  /// - Parameter body: nothing that takes long, or multiplies. Returns whether it wants to be called again soon.
  package init(_ body: @escaping () -> Bool) { self.body = body }

  /// By the driving thread.
  func take() { areNeeded = body() }
}
