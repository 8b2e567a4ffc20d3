// Sums over the rows of a batch, for passes other than products: the same tree (`Matrices/SumOrder.swift`), leaf by leaf.
import Matrices

/// The leaves of some rows in order, with what their sums are added to.
struct LeafList {
  struct Leaf {
    let rows: Range<Int>
    /// The stack's place of its sum, and how many of the places below are then added, from the nearest down.
    let slot: Int
    let merges: Int
  }

  private let leaves: [Leaf]
  /// Places of the stack; 1 or more.
  let depth: Int

  init(_ order: SumOrder, rowCount: Int) {
    guard rowCount > 0 else {
      (leaves, depth) = ([], 1)
      return
    }
    let plan = SumPlan(order, termCount: rowCount, accumulate: false, blockTerms: rowCount)
    leaves = plan.segments.map { Leaf(rows: $0.first..<$0.first + $0.count, slot: $0.slot, merges: $0.merges) }
    depth = plan.keptSlots + plan.passingSlots
  }

  var isEmpty: Bool { leaves.isEmpty }

  @inline(__always)
  func forEach(_ body: (Leaf) -> Void) { for leaf in leaves { body(leaf) } }
}

/// One place of a stack of sums onto the one below; a multiple of sixteen floats.
@inline(__always)
func addPlace(_ below: UnsafeMutablePointer<Float>, _ above: UnsafePointer<Float>, count: Int) {
  for i in stride(from: 0, to: count, by: vectorWidth) { store(load(below + i) + load(above + i), below + i) }
}
