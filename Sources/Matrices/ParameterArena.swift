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

  /// Elements from row to row of the values. Those of a wide weight start at multiples of 1 KiB, and none a multiple of 4 KiB
  /// behind its neighbour: such rows crowd the same lines of a cache.
  package var valueStride: Int {
    guard rowCount > 1 && columnCount >= 1024 else { return columnCount }
    let stride = (columnCount + 255) / 256 * 256
    return stride % 1024 == 0 ? stride + 256 : stride
  }

  /// Elements of the parameter in a storage, up to a 64-byte boundary.
  fileprivate func room(stride: Int) -> Int { (rowCount * stride + 15) / 16 * 16 }
}

/// All parameters that one optimizer moves, in one allocation with named views, and beside them their gradients and
/// Adam's two moments: one range to clear, to exchange, to checkpoint. Gradients and moments lie row by row without gaps; rows of
/// wide weights have gaps between them, see `valueStride`.
package struct ParameterArena: Sendable {
  package let shapes: [ParameterShape]
  /// First element of each parameter's gradient and moments; each starts on a 64-byte boundary, the gaps stay zero.
  package let offsets: [Int]
  /// Elements of the gradients, and of each of the moments, gaps included.
  package let count: Int
  /// First element of each parameter's values.
  private let valueOffsets: [Int]

  /// Gaps stay zero.
  package let values: FloatStorage
  package let gradients: FloatStorage
  package let firstMoments: FloatStorage
  package let secondMoments: FloatStorage

  package init(shapes: [ParameterShape]) {
    precondition(Set(shapes.map(\.name)).count == shapes.count, "two parameters share a name")
    var (offsets, valueOffsets): ([Int], [Int]) = ([], [])
    var (end, valueEnd) = (0, 0)
    for shape in shapes {
      offsets.append(end)
      valueOffsets.append(valueEnd)
      end += shape.room(stride: shape.columnCount)
      valueEnd += shape.room(stride: shape.valueStride)
    }
    self.shapes = shapes
    self.offsets = offsets
    self.valueOffsets = valueOffsets
    count = end
    values = FloatStorage(count: valueEnd)
    gradients = FloatStorage(count: end)
    firstMoments = FloatStorage(count: end)
    secondMoments = FloatStorage(count: end)
  }

  package func value(_ name: String) -> Matrix {
    let index = index(of: name)
    let shape = shapes[index]
    return Matrix(
      storage: values, offset: valueOffsets[index], rowCount: shape.rowCount, columnCount: shape.columnCount,
      rowStride: shape.valueStride)
  }

  package func gradient(_ name: String) -> Matrix { view(name, of: gradients) }

  /// The part of a storage laid out as the gradients are that belongs to a parameter.
  package func view(_ name: String, of storage: FloatStorage) -> Matrix {
    let index = index(of: name)
    let shape = shapes[index]
    return Matrix(
      storage: storage, offset: offsets[index], rowCount: shape.rowCount, columnCount: shape.columnCount,
      rowStride: shape.columnCount)
  }

  private func index(of name: String) -> Int {
    guard let index = shapes.firstIndex(where: { $0.name == name }) else {
      preconditionFailure("no parameter \(name) among \(shapes.map(\.name))")
    }
    return index
  }

  /// A whole storage laid out as the gradients are, as one row.
  package func flat(_ storage: FloatStorage) -> Matrix {
    precondition(storage !== values, "values are laid out otherwise")
    return Matrix(storage: storage, offset: 0, rowCount: 1, columnCount: count, rowStride: count)
  }

  /// Runs of elements that follow one another in values as in gradients and moments, and cover a range of the latter.
  ///
  /// - Parameters:
  ///   - longest: elements of a run.
  ///   - body: gets the place among the gradients, that among the values, and how many elements there are.
  package func forEachRun(_ range: Range<Int>, longest: Int, _ body: (Int, Int, Int) -> Void) {
    for (shape, (offset, valueOffset)) in zip(shapes, zip(offsets, valueOffsets)) {
      // Without gaps between its rows a parameter is one row, up to the next boundary.
      let isPadded = shape.valueStride > shape.columnCount
      let rowLength = isPadded ? shape.columnCount : shape.room(stride: shape.columnCount)
      let end = min(range.upperBound, offset + (isPadded ? shape.count : rowLength))
      var place = max(range.lowerBound, offset)
      while place < end {
        let (row, column) = (place - offset).quotientAndRemainder(dividingBy: rowLength)
        let count = min(longest, rowLength - column, end - place)
        body(place, valueOffset + row * shape.valueStride + column, count)
        place += count
      }
    }
  }
}
