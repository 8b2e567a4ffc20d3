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

  package var count: Int { rowCount * columnCount }
  /// Shape in files.
  package var fileShape: [Int] { isVector ? [columnCount] : [rowCount, columnCount] }
}

/// All parameters that one optimizer moves, in one allocation with named views, and beside them their gradients and
/// Adam's two moments in the same layout: one range to clear, to all-reduce, to update, to checkpoint.
package struct ParameterArena: Sendable {
  package let shapes: [ParameterShape]
  /// First element of each parameter; each starts on a 64-byte boundary, the gaps stay zero.
  package let offsets: [Int]
  /// Elements of each of the four storages, gaps included.
  package let count: Int

  package let values: FloatStorage
  package let gradients: FloatStorage
  package let firstMoments: FloatStorage
  package let secondMoments: FloatStorage

  package init(shapes: [ParameterShape]) {
    precondition(Set(shapes.map(\.name)).count == shapes.count, "two parameters share a name")
    var offsets: [Int] = []
    var end = 0
    for shape in shapes {
      offsets.append(end)
      end += (shape.count + 15) / 16 * 16
    }
    self.shapes = shapes
    self.offsets = offsets
    count = end
    values = FloatStorage(count: end)
    gradients = FloatStorage(count: end)
    firstMoments = FloatStorage(count: end)
    secondMoments = FloatStorage(count: end)
  }

  package func value(_ name: String) -> Matrix { view(name, of: values) }
  package func gradient(_ name: String) -> Matrix { view(name, of: gradients) }

  /// The part of a storage of this layout that belongs to a parameter.
  package func view(_ name: String, of storage: FloatStorage) -> Matrix {
    guard let index = shapes.firstIndex(where: { $0.name == name }) else {
      preconditionFailure("no parameter \(name) among \(shapes.map(\.name))")
    }
    let shape = shapes[index]
    return Matrix(
      storage: storage, offset: offsets[index], rowCount: shape.rowCount, columnCount: shape.columnCount,
      rowStride: shape.columnCount)
  }

  /// A whole storage of this layout as one row.
  package func flat(_ storage: FloatStorage) -> Matrix {
    Matrix(storage: storage, offset: 0, rowCount: 1, columnCount: count, rowStride: count)
  }
}
