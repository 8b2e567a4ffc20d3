// What is done to the elements of a product on their way into the result, instead of by a pass of its own. N rows, K columns.
import Matrices

/// The last step of a product, element by element.
package enum ProductFinish: Sendable {
  case none
  /// x + bias; 1×K.
  case bias(Matrix)
  /// ReLU(x + bias); 1×K.
  case biasReLU(Matrix)
  /// LeakyReLU₀.₂(x + base[label]): base is S×K, the part of the layer that depends on the class alone, and there are N labels.
  case classLeakyReLU(base: Matrix, labels: [Int])
  /// The gradient through a ReLU whose output is y, N×K: x where y is above zero, else 0.
  case reluBackward(output: Matrix)
  /// The gradient through a LeakyReLU₀.₂, from its output (whose sign is its input's), N×K.
  case leakyReLUBackward(output: Matrix)

  /// Whether it fits a result of this shape.
  func fits(rows: Int, columns: Int) -> Bool {
    switch self {
    case .none: true
    case .bias(let bias), .biasReLU(let bias): bias.rowCount == 1 && bias.columnCount == columns
    case .classLeakyReLU(let base, let labels): base.columnCount == columns && labels.count == rows
    case .reluBackward(let y), .leakyReLUBackward(let y): y.rowCount == rows && y.columnCount == columns
    }
  }

  /// Calls `body` with the same, as addresses: a product's threads would all count references to the matrices, tile by tile.
  func withAddresses<Result>(_ body: (FinishAddresses) -> Result) -> Result {
    switch self {
    case .none: body(FinishAddresses(kind: .none))
    case .bias(let bias): body(FinishAddresses(kind: .bias, start: bias.start))
    case .biasReLU(let bias): body(FinishAddresses(kind: .biasReLU, start: bias.start))
    case .classLeakyReLU(let base, let labels):
      labels.withUnsafeBufferPointer {
        body(
          FinishAddresses(
            kind: .classLeakyReLU, start: base.start, stride: base.rowStride, labels: $0.baseAddress,
            classCount: base.rowCount))
      }
    case .reluBackward(let y): body(FinishAddresses(kind: .reluBackward, start: y.start, stride: y.rowStride))
    case .leakyReLUBackward(let y): body(FinishAddresses(kind: .leakyReLUBackward, start: y.start, stride: y.rowStride))
    }
  }
}

/// A `ProductFinish` whose matrices someone else keeps alive.
struct FinishAddresses {
  enum Kind { case none, bias, biasReLU, classLeakyReLU, reluBackward, leakyReLUBackward }
  let kind: Kind
  var start: UnsafePointer<Float>? = nil
  var stride = 0
  var labels: UnsafePointer<Int>? = nil
  var classCount = 0

  /// The row's second operand.
  @inline(__always)
  private func operand(_ row: Int) -> UnsafePointer<Float> {
    guard let start else { preconditionFailure("a finish without its matrix") }
    if let labels {
      precondition(labels[row] >= 0 && labels[row] < classCount, "label \(labels[row]) of \(classCount) classes")
      return start + labels[row] &* stride
    }
    return start + row &* stride
  }

  /// target ← the finished elements of one row, from column `column` on.
  @inline(__always)
  func put(
    _ source: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>, row: Int, column: Int, count: Int
  ) {
    if kind == .none { return put(source, into: target, count) { value, _, _ in value } }
    let own = operand(row) + column
    switch kind {
    case .none: break
    case .bias: put(source, into: target, count) { value, i, left in value + load(own + i, left) }
    case .biasReLU: put(source, into: target, count) { value, i, left in positivePart(value + load(own + i, left)) }
    case .classLeakyReLU:
      put(source, into: target, count) { value, i, left in
        let sum = value + load(own + i, left)
        return sum * leakySlope(sum)
      }
    case .reluBackward:
      put(source, into: target, count) { value, i, left in
        Vector().replacing(with: value, where: load(own + i, left) .> Vector())
      }
    case .leakyReLUBackward:
      put(source, into: target, count) { value, i, left in value * leakySlope(load(own + i, left)) }
    }
  }

  @inline(__always)
  private func put(
    _ source: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>, _ count: Int,
    _ body: (_ value: Vector, _ i: Int, _ left: Int) -> Vector
  ) {
    var i = 0
    while i &+ vectorWidth <= count {
      store(body(load(source + i), i, vectorWidth), target + i)
      i &+= vectorWidth
    }
    if i < count { store(body(load(source + i, count &- i), i, count &- i), target + i, count &- i) }
  }
}

/// x [N×K] ← its elements, finished: for what is no product, or one of bfloat16.
package func apply(_ finish: ProductFinish, to x: Matrix) {
  precondition(finish.fits(rows: x.rowCount, columns: x.columnCount), "\(finish) of \(x.rowCount)×\(x.columnCount)")
  if case .none = finish { return }
  finish.withAddresses { addresses in
    parallel(x.rowCount, grain: max(1, 16384 / max(x.columnCount, 1)), "bias and activation", floats: 3 * x.count) {
      for r in $0 { addresses.put(x.row(r), into: x.row(r), row: r, column: 0, count: x.columnCount) }
    }
  }
}
