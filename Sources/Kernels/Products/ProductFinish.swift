// What is done to the elements of a product on their way into the result, instead of by a pass of its own. N rows, U columns.
import Matrices

/// The last step of a product, element by element.
package enum ProductFinish: Sendable {
  case none
  /// x + bias; 1×U.
  case bias(Matrix)
  /// ReLU(x + bias); 1×U.
  case biasReLU(Matrix)
  /// LeakyReLU₀.₂(x + base[label]): base is S×U, the part of the layer that depends on the class alone, and there are N labels.
  case classLeakyReLU(base: Matrix, labels: [Int])
  /// The gradient through a ReLU whose output is y, N×U: x where y is above zero, else 0.
  case reluBackward(output: Matrix)
  /// The gradient through a LeakyReLU₀.₂, from its output (whose sign is its input's), N×U.
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

  /// Hands the last step of one vector to `user`, as a type of its own: its loop is compiled for each of them.
  @inline(__always)
  func apply(to user: some FinishUser) {
    guard let start else { return user.use(NoFinish()) }
    switch kind {
    case .none: user.use(NoFinish())
    case .bias: user.use(BiasFinish(bias: start))
    case .biasReLU: user.use(BiasReLUFinish(bias: start))
    case .classLeakyReLU:
      guard let labels else { preconditionFailure("a class without labels") }
      user.use(ClassLeakyReLUFinish(base: start, stride: stride, labels: labels, classCount: classCount))
    case .reluBackward: user.use(ReLUBackwardFinish(output: start, stride: stride))
    case .leakyReLUBackward: user.use(LeakyReLUBackwardFinish(output: start, stride: stride))
    }
  }
}

/// A loop over elements that are to be finished.
protocol FinishUser {
  func use(_ finish: some VectorFinish)
}

/// The last step of up to sixteen elements of a row.
protocol VectorFinish {
  func callAsFunction(_ value: Vector, row: Int, column: Int, left: Int) -> Vector
}

private struct NoFinish: VectorFinish {
  @inline(__always)
  func callAsFunction(_ value: Vector, row: Int, column: Int, left: Int) -> Vector { value }
}

private struct BiasFinish: VectorFinish {
  let bias: UnsafePointer<Float>
  @inline(__always)
  func callAsFunction(_ value: Vector, row: Int, column: Int, left: Int) -> Vector { value + load(bias + column, left) }
}

private struct BiasReLUFinish: VectorFinish {
  let bias: UnsafePointer<Float>
  @inline(__always)
  func callAsFunction(_ value: Vector, row: Int, column: Int, left: Int) -> Vector {
    positivePart(value + load(bias + column, left))
  }
}

private struct ClassLeakyReLUFinish: VectorFinish {
  let base: UnsafePointer<Float>
  let stride: Int
  let labels: UnsafePointer<Int>
  let classCount: Int
  @inline(__always)
  func callAsFunction(_ value: Vector, row: Int, column: Int, left: Int) -> Vector {
    let label = labels[row]
    precondition(label >= 0 && label < classCount, "label \(label) of \(classCount) classes")
    let sum = value + load(base + (label &* stride &+ column), left)
    return sum * leakySlope(sum)
  }
}

private struct ReLUBackwardFinish: VectorFinish {
  let output: UnsafePointer<Float>
  let stride: Int
  @inline(__always)
  func callAsFunction(_ value: Vector, row: Int, column: Int, left: Int) -> Vector {
    Vector().replacing(with: value, where: load(output + (row &* stride &+ column), left) .> Vector())
  }
}

private struct LeakyReLUBackwardFinish: VectorFinish {
  let output: UnsafePointer<Float>
  let stride: Int
  @inline(__always)
  func callAsFunction(_ value: Vector, row: Int, column: Int, left: Int) -> Vector {
    value * leakySlope(load(output + (row &* stride &+ column), left))
  }
}

/// x [N×U] ← its elements, finished: for what is no product, or one of bfloat16.
package func apply(_ finish: ProductFinish, to x: Matrix) {
  precondition(finish.fits(rows: x.rowCount, columns: x.columnCount), "\(finish) of \(x.rowCount)×\(x.columnCount)")
  if case .none = finish { return }
  finish.withAddresses { addresses in
    parallel(x.rowCount, grain: max(1, 16384 / max(x.columnCount, 1)), "bias and activation", floats: 3 * x.count) {
      addresses.apply(to: RowPass(x: x, rows: $0))
    }
  }
}

/// Some rows of a matrix.
private struct RowPass: FinishUser {
  let x: Matrix
  let rows: Range<Int>

  func use(_ finish: some VectorFinish) {
    for r in rows {
      let row = x.row(r)
      for c in stride(from: 0, to: x.columnCount, by: vectorWidth) {
        let left = x.columnCount &- c
        store(finish(load(row + c, left), row: r, column: c, left: left), row + c, left)
      }
    }
  }
}
