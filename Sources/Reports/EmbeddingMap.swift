// A plane map of embeddings. N points, H classifier input.
import Datasets
import Evaluation
import Kernels
import Matrices
import Models

/// Real and synthetic embeddings by their two principal components.
package struct EmbeddingMap: Sendable {
  package enum Origin: Sendable {
    case seen
    case unseen
    /// Made by the generator, of an unseen class.
    case synthetic
  }
  package struct Point: Sendable {
    /// Number of the class in the data set.
    package let label: Int
    package let origin: Origin
    package let x: Double
    package let y: Double
  }

  package let points: [Point]
  package let classNames: [String]
  /// Share of the variance that the first and the second axis show.
  package let shares: [Double]

  /// Points in all, about, and of one class at most.
  private static let (mostPoints, mostOfClass) = (1400, 40)

  /// Embeds test rows of every class, evenly spread over the file, and as many synthetic rows of each unseen class.
  ///
  /// - Parameters:
  ///   - dataset: the one that the model was trained on.
  ///   - seed: of the synthetic rows.
  package init(model: TrainedModel, dataset: GZSLDataset, seed: UInt64) {
    let task = dataset.test
    let sets = task.seenClasses.count + 2 * task.unseenClasses.count
    let perClass = max(2, min(Self.mostOfClass, Self.mostPoints / max(1, sets)))
    let seen = Self.some(task.seenRows, of: dataset, perClass: perClass)
    let unseen = Self.some(task.unseenRows, of: dataset, perClass: perClass)
    let drawn = task.unseenClasses.flatMap { [Int](repeating: $0, count: perClass) }
    let real = seen + unseen
    let h = Matrix(rows: real.count + drawn.count, columns: model.embeddingSize)
    let x = Matrix(rows: real.count, columns: model.featureSize)
    dataset.features.gather(into: x, real[...])
    model.network.embed(x, into: h.rows(0..<real.count))
    if !drawn.isEmpty {
      Synthesiser(model, descriptors: dataset.descriptors, seed: seed)
        .embeddings(into: h.rows(real.count..<h.rowCount), labels: drawn, firstRow: 0)
    }
    let plane = PrincipalPlane(h)
    let origins =
      [Origin](repeating: .seen, count: seen.count) + [Origin](repeating: .unseen, count: unseen.count)
      + [Origin](repeating: .synthetic, count: drawn.count)
    let labels = real.map { dataset.labels[$0] } + drawn
    points = plane.points.indices.map {
      Point(label: labels[$0], origin: origins[$0], x: plane.points[$0].x, y: plane.points[$0].y)
    }
    classNames = dataset.classNames
    shares = plane.shares
  }

  /// For tests, and for points that were found elsewhere.
  package init(points: [Point], classNames: [String], shares: [Double]) {
    (self.points, self.classNames, self.shares) = (points, classNames, shares)
  }

  private static func some(_ rows: [Int], of dataset: GZSLDataset, perClass: Int) -> [Int] {
    let groups = Dictionary(grouping: rows) { dataset.labels[$0] }
    return groups.keys.sorted().flatMap { label -> [Int] in
      let own = groups[label] ?? []
      let count = min(perClass, own.count)
      return (0..<count).map { own[$0 * own.count / count] }
    }
  }
}

/// The plane in which points spread most: the two largest principal components.
struct PrincipalPlane {
  let points: [(x: Double, y: Double)]
  let shares: [Double]

  /// A map needs no more: eigenvectors are right to about the root of it.
  private static let (mostSteps, tolerance) = (500, 1e-8)

  /// By the Gram matrix of the points, of which there are some hundreds.
  ///
  /// - Parameter h: N×H; not changed.
  init(_ h: Matrix) {
    let (count, context) = (h.rowCount, ProductContext())
    let centred = h.copied()
    for c in 0..<h.columnCount {
      var sum = 0.0
      for r in 0..<count { sum += Double(h[r, c]) }
      for r in 0..<count { centred[r, c] = Float(Double(h[r, c]) - sum / Double(count)) }
    }
    let gram = Matrix(rows: count, columns: count)
    context.multiply(into: gram, centred, centred.transposed)
    var trace = 0.0
    for r in 0..<count { trace += Double(gram[r, r]) }
    let first = Self.largest(gram, without: nil, context)
    let second = Self.largest(gram, without: first.vector, context)
    let (wide, high) = (first.value.squareRoot(), second.value.squareRoot())
    points = (0..<count).map { (first.vector[$0] * wide, second.vector[$0] * high) }
    shares = [first.value, second.value].map { trace > 0 ? $0 / trace : 0 }
  }

  /// The eigenvector of the largest eigenvalue among those orthogonal to another one, by iterated multiplication.
  ///
  /// - Parameter gram: N×N, symmetric and positive.
  private static func largest(
    _ gram: Matrix, without other: [Double]?, _ context: ProductContext
  ) -> (value: Double, vector: [Double]) {
    func dot(_ a: [Double], _ b: [Double]) -> Double {
      var sum = 0.0
      for i in a.indices { sum += a[i] * b[i] }
      return sum
    }
    func cleaned(_ vector: [Double]) -> (length: Double, vector: [Double]) {
      var vector = vector
      if let other {
        let share = dot(vector, other)
        for i in vector.indices { vector[i] -= share * other[i] }
      }
      let length = dot(vector, vector).squareRoot()
      return (length, length > 0 ? vector.map { $0 / length } : vector)
    }
    let (column, product) = (Matrix(rows: gram.rowCount, columns: 1), Matrix(rows: gram.rowCount, columns: 1))
    // Any start will do that is not orthogonal to the answer.
    var vector = cleaned((0..<gram.rowCount).map { Double(($0 * 7919 + 13) % 104_729) / 104_729 - 0.5 }).vector
    var value = 0.0
    for _ in 0..<mostSteps {
      for i in vector.indices { column[i, 0] = Float(vector[i]) }
      context.multiply(into: product, gram, column)
      let (length, direction) = cleaned(product.elements.map { Double($0) })
      let turned = 1 - abs(dot(direction, vector))
      (value, vector) = (length, direction)
      if turned < tolerance { break }
    }
    // A sign of its own: the coordinate that is farthest out is positive.
    let farthest = vector.max { abs($0) < abs($1) } ?? 0
    return (value, farthest < 0 ? vector.map { -$0 } : vector)
  }
}
