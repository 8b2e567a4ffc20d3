// Where products work. What they share and keep (memory, caches, the breaks that they take) belongs to an object that is made once
// for each replica and passed: ranks may be threads of one process, as in the tests.
import Matrices
import Synchronization

/// The precision of products, and the place where they work. One is made for each replica: its model's layers, losses, optimizer and
/// evaluation hold it, and copies share the place. Products are its methods.
///
/// One thread at a time multiplies with it and its copies, since two would meet in one memory; a product that finds another one under
/// way traps.
package struct ProductContext: Sendable {
  /// Of the products over the rows of a batch.
  package let precision: ProductPrecision
  let scratch: ProductScratch

  /// A place of its own.
  ///
  /// - Parameter loops: others than those for this processor: for tests.
  package init(precision: ProductPrecision = .float32, loops: VectorLoops = .chosen) {
    self.init(precision, ProductScratch(loops: loops))
  }

  private init(_ precision: ProductPrecision, _ scratch: ProductScratch) {
    self.precision = precision
    self.scratch = scratch
  }

  /// The same place, for products that are in float32 whatever the model's precision: those over classes, which are small.
  package var float32: ProductContext { ProductContext(.float32, scratch) }

  /// Runs `work`, in which products take these breaks; nil: none.
  package func during<Result>(_ breaks: ProductBreaks?, _ work: () throws -> Result) rethrows -> Result {
    let outer = scratch.breaks
    scratch.breaks = breaks
    defer { scratch.breaks = outer }
    return try work()
  }
}

/// What the products of a replica share and keep.
///
/// `@unchecked Sendable`: one product at a time uses it, which `alone` checks; a product's threads have rooms of their own in it.
final class ProductScratch: @unchecked Sendable {
  let loops: VectorLoops
  let rooms = ProductRooms()
  let subsets = SubsetScratch()
  let roundedCopies = RoundedCopies()
  /// oneDNN's products of bfloat16; not made where there are none.
  lazy var roundedProducts = RoundedProducts()
  /// Those of the products under way.
  var breaks: ProductBreaks?
  private let isBusy = Atomic(false)

  init(loops: VectorLoops) { self.loops = loops }

  /// Runs a product.
  @inline(__always)
  func alone(_ product: () -> Void) {
    precondition(
      !isBusy.exchange(true, ordering: .acquiring),
      "two products at once: each replica needs a ProductContext of its own")
    defer { isBusy.store(false, ordering: .releasing) }
    product()
  }
}

/// Memory that grows to the largest demand and stays; what is in it does not survive growing.
struct GrowingStorage {
  private(set) var storage = FloatStorage(count: 0)

  var base: UnsafeMutablePointer<Float> { storage.base }

  /// - Parameter least: floats that it has once it has any.
  mutating func reserve(_ floats: Int, least: Int = 0) {
    if storage.count < floats { storage = FloatStorage(count: max(floats, least)) }
  }
}
