/// Name and shape of one parameter, as PyTorch has it: weight [out, in] row-major, bias [out] as one row.
package struct ParameterShape: Sendable, Equatable {
  package let name: String
  package let rowCount: Int
  package let columnCount: Int
  /// A bias is one row here and a vector of `columnCount` elements in files.
  package let isVector: Bool

  package static func weight(_ layer: String, outputs: Int, inputs: Int) -> ParameterShape {
    ParameterShape(name: layer + ".weight", rowCount: outputs, columnCount: inputs, isVector: false)
  }

  package static func bias(_ layer: String, outputs: Int) -> ParameterShape {
    ParameterShape(name: layer + ".bias", rowCount: 1, columnCount: outputs, isVector: true)
  }

  /// What is no parameter.
  package static func matrix(_ name: String, rows: Int, columns: Int) -> ParameterShape {
    ParameterShape(name: name, rowCount: rows, columnCount: columns, isVector: false)
  }

  package var count: Int { rowCount * columnCount }
  /// Shape in files.
  package var fileShape: [Int] { isVector ? [columnCount] : [rowCount, columnCount] }

  /// Elements from row to row of the values. Those of a wide weight start at multiples of 1 KiB, and none a multiple of 4 KiB
  /// behind its neighbour: such rows crowd the same lines of a cache.
  package var valueStride: Int {
    guard rowCount > 1 && columnCount >= 1024 else { return columnCount }
    let stride = (columnCount + 255) / 256 * 256
    return stride % 1024 == 0 ? stride + 256 : stride
  }

  /// Outputs of the layer: rows of a weight, elements of a bias, columns of a weight with one row (whose units are the layer's before).
  /// Ranks share out a parameter by units.
  package var unitCount: Int { rowCount == 1 ? columnCount : rowCount }

  /// A matrix of some units' part of the parameter.
  package func part(_ whole: Matrix, units: Range<Int>) -> Matrix {
    rowCount == 1 ? whole.columns(units) : whole.rows(units)
  }
}

/// Matrices with names, one behind the other in a storage, each from a 64-byte boundary on.
package struct MatrixLayout: Sendable {
  package let shapes: [ParameterShape]
  private let offsets: [Int]
  private let strides: [Int]
  /// Elements of a storage; the gaps between matrices and rows stay zero.
  package let count: Int

  /// - Parameter stride: elements from row to row of a shape.
  package init(shapes: [ParameterShape], stride: (ParameterShape) -> Int = \.columnCount) {
    precondition(Set(shapes.map(\.name)).count == shapes.count, "two matrices share a name")
    self.shapes = shapes
    strides = shapes.map(stride)
    var (offsets, end): ([Int], Int) = ([], 0)
    for (shape, stride) in zip(shapes, strides) {
      offsets.append(end)
      end += (shape.rowCount * stride + 15) / 16 * 16
    }
    self.offsets = offsets
    count = end
  }

  package func shape(_ name: String) -> ParameterShape { shapes[index(of: name)] }

  /// The matrix of that name in a storage of this layout.
  fileprivate func matrix(_ name: String, of storage: FloatStorage, offset: Int) -> Matrix {
    let index = index(of: name)
    let shape = shapes[index]
    return Matrix(
      storage: storage, offset: offset + offsets[index], rowCount: shape.rowCount, columnCount: shape.columnCount,
      rowStride: strides[index])
  }

  private func index(of name: String) -> Int {
    guard let index = shapes.firstIndex(where: { $0.name == name }) else {
      preconditionFailure("no matrix \(name) among \(shapes.map(\.name))")
    }
    return index
  }
}

/// The matrices of a layout in a storage.
package struct NamedMatrices: Sendable {
  package let layout: MatrixLayout
  package let storage: FloatStorage
  private let offset: Int

  /// - Parameter offset: the first one's place, a multiple of 16.
  package init(layout: MatrixLayout, storage: FloatStorage, offset: Int = 0) {
    precondition(storage.count >= offset + layout.count, "\(storage.count) elements of \(layout.count)")
    self.layout = layout
    self.storage = storage
    self.offset = offset
  }

  package subscript(name: String) -> Matrix { layout.matrix(name, of: storage, offset: offset) }
}

/// The values of all parameters that one optimizer moves, in one allocation with named views. Rows of wide weights have gaps between
/// them, see `ParameterShape.valueStride`.
package struct ParameterArena: Sendable {
  private let matrices: NamedMatrices
  package var shapes: [ParameterShape] { matrices.layout.shapes }
  /// Gaps stay zero.
  package var values: FloatStorage { matrices.storage }

  /// - Parameter memory: makes a storage of so many zeros; ranks of one host may share it.
  package init(shapes: [ParameterShape], memory: (Int) throws -> FloatStorage) rethrows {
    let layout = MatrixLayout(shapes: shapes, stride: \.valueStride)
    matrices = NamedMatrices(layout: layout, storage: try memory(layout.count))
  }

  package init(shapes: [ParameterShape]) { self.init(shapes: shapes) { FloatStorage(count: $0) } }

  package func value(_ name: String) -> Matrix { matrices[name] }
}
