import Kernels
import Matrices
import Networks
import TestSupport

/// Random sizes, parameters and descriptors, all from a seed, and the same parameters on a tape. Widths lie beside those of vectors and
/// blocks; rows of matrices have gaps between them.
struct SmallModel {
  let draws: Draws
  let sizes: ModelSizes
  let model: HybridModel
  let layers: TapeLayers
  let tree: BatchTree
  /// One for each row.
  let labels: [Int]
  let descriptors: Matrix
  /// What a failure says.
  let place: String

  var rowCount: Int { tree.rowCount }
  var classCount: Int { descriptors.rowCount }

  init(seed: Int, kind: EmbeddingKind = .contrastive) {
    let draws = Draws(seed: UInt64(seed))
    /// A seed in four has widths of 1 and 2.
    func width(_ most: Int) -> Int { draws.integer(seed % 4 == 0 ? 1...2 : 1...most) }
    sizes = ModelSizes(
      feature: width(37), attribute: width(9), noise: width(19), generatorWidth: width(35), criticWidth: width(70),
      embedding: width(33), projection: width(18), comparatorWidth: width(66), kind: kind)
    model = HybridModel(sizes: sizes, context: ProductContext())
    var parameters: [String: [Double]] = [:]
    for arena in model.arenas {
      for shape in arena.shapes {
        let value = arena.value(shape.name)
        for r in 0..<shape.rowCount { for c in 0..<shape.columnCount { value[r, c] = Float(draws.number()) } }
        parameters[shape.name] = value.elements.map(Double.init)
      }
    }
    layers = TapeLayers(Tape(), parameters: parameters)
    tree = BatchTree(rowCount: draws.integer(1...13), leafRows: draws.integer(1...5))
    descriptors = draws.matrix(draws.integer(1...5), sizes.attribute)
    labels = draws.labels(tree.rowCount, below: descriptors.rowCount)
    (self.draws, place) = (draws, "seed \(seed), \(tree), \(descriptors.rowCount) classes, \(sizes)")
  }

  /// A descriptor on the tape, with what stands before it.
  func input(_ row: [Scalar], label: Int) -> [Scalar] {
    row + layers.constants(descriptors.rows(label..<label + 1).elements.map(Double.init))
  }

  /// Sums of rows, all NaN: whoever makes them overwrites them.
  func emptySums(_ shapes: [ParameterShape]) -> NamedMatrices {
    let layout = MatrixLayout(shapes: shapes)
    let sums = NamedMatrices(layout: layout, storage: FloatStorage(count: layout.count))
    for shape in shapes { sums[shape.name].fill(.nan) }
    return sums
  }

  /// The units of a layer as three ranks share them, one after the other.
  func shares(_ unitCount: Int) -> [Range<Int>] { RowPartition(rowCount: unitCount, rankCount: 3).slices }

  /// Σ factors·values of all rows.
  func weighted(_ values: [[Scalar]], _ factors: Matrix) -> Scalar {
    layers.sum(zip(values, doubles(factors)).flatMap { zip($0, $1).map { $0 * $1 } })
  }
}
