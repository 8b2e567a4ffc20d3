// What messages take from the cores of a rank that has something else to do.
import Collectives
import Kernels
import Matrices

extension LinkProbe {
  /// Seconds by which products take longer for each byte that a rank gets while it sends as many: from the rank before, to the next, all
  /// ranks at once. What that is depends on the kernel, the network's card, and on whether ranks share cores.
  ///
  /// - Parameter bandwidth: bytes a second that reach a rank.
  /// - Returns: the same on every rank: the largest.
  /// - Throws: `CollectiveError`.
  package func messageCost(bandwidth: Double) throws -> Double {
    guard communicator.rankCount > 1 else { return 0 }
    let (a, b, c) = (
      Matrix(rows: 512, columns: 2048), Matrix(rows: 2048, columns: 2048), Matrix(rows: 512, columns: 2048)
    )
    let context = ProductContext()
    func seconds(_ products: Int) -> Double {
      let start = ContinuousClock().now
      for _ in 0..<products { context.multiply(into: c, a, b) }
      return (ContinuousClock().now - start) / .seconds(1)
    }
    _ = seconds(1)
    // All ranks do the same: half a second of messages, of up to 8 MiB and four at least, behind more than as long a time of products.
    let rows = try communicator.maximum(max(16, min(2048, Int(0.125 * bandwidth / 4096))))
    let messageBytes = 4096 * Double(rows)
    let messages = try communicator.maximum(max(4, Int(0.5 * bandwidth / messageBytes)))
    let wire = Double(messages) * messageBytes / bandwidth
    let products = try communicator.maximum(max(4, Int((2 * wire + 0.2) / seconds(1))))
    let ring = MessageRing(communicator, rows: rows)
    var costs: [Double] = []
    for _ in 0..<5 {
      _ = try communicator.sum(0)
      let alone = seconds(products)
      _ = try communicator.sum(0)
      ring.start(messages)
      let together = context.during(ProductBreaks { ring.advance() }) { seconds(products) }
      let received = Double(ring.received) * messageBytes
      try ring.finish()
      if received > 0 { costs.append((together - alone) / received) }
    }
    let middle = costs.isEmpty ? 0 : costs.sorted()[costs.count / 2]
    return Double(try communicator.maximum(Int(max(0, middle) * 1e15))) / 1e15
  }
}
