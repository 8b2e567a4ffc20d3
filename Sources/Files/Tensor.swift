import Foundation
import Matrices

/// Element types that are read and written, with the names that safetensors gives them.
package enum ElementType: String, Sendable, CaseIterable {
  case float32 = "F32"
  case float64 = "F64"
  case int64 = "I64"
  case int32 = "I32"
  case uint8 = "U8"

  package var byteCount: Int {
    switch self {
    case .float32, .int32: 4
    case .float64, .int64: 8
    case .uint8: 1
    }
  }
}

/// The elements of a tensor in row-major order.
package enum TensorData: Sendable {
  case float32([Float])
  case float64([Double])
  case int64([Int64])
  case int32([Int32])
  case uint8([UInt8])
  /// Float32 elements that stay where they are until they are written. Reading gives `float32`.
  case matrix(Matrix)

  package var type: ElementType {
    switch self {
    case .float32, .matrix: .float32
    case .float64: .float64
    case .int64: .int64
    case .int32: .int32
    case .uint8: .uint8
    }
  }

  package var count: Int {
    switch self {
    case .float32(let values): values.count
    case .float64(let values): values.count
    case .int64(let values): values.count
    case .int32(let values): values.count
    case .uint8(let values): values.count
    case .matrix(let matrix): matrix.count
    }
  }

  /// Hands the elements' memory (little-endian, as on every machine this runs on) to `body`, in one piece, or row by row
  /// for a matrix with gaps.
  func forEachRun(_ body: (UnsafeRawBufferPointer) throws -> Void) rethrows {
    switch self {
    case .float32(let values): try values.withUnsafeBytes(body)
    case .float64(let values): try values.withUnsafeBytes(body)
    case .int64(let values): try values.withUnsafeBytes(body)
    case .int32(let values): try values.withUnsafeBytes(body)
    case .uint8(let values): try values.withUnsafeBytes(body)
    case .matrix(let matrix):
      if matrix.isContiguous {
        try body(UnsafeRawBufferPointer(start: matrix.start, count: matrix.count * 4))
      } else {
        for r in 0..<matrix.rowCount {
          try body(UnsafeRawBufferPointer(start: matrix.row(r), count: matrix.columnCount * 4))
        }
      }
    }
  }
}

/// A named array of any rank; a scalar has the shape [].
package struct Tensor: Sendable {
  package let name: String
  package let shape: [Int]
  package let data: TensorData

  package init(name: String, shape: [Int], data: TensorData) {
    precondition(
      shape.allSatisfy { $0 >= 0 } && shape.reduce(1, *) == data.count,
      "\(data.count) elements do not fill tensor \(name) of shape \(shape)")
    self.name = name
    self.shape = shape
    self.data = data
  }

  package init(name: String, shape: [Int], floats: [Float]) {
    self.init(name: name, shape: shape, data: .float32(floats))
  }

  /// A tensor that shares the matrix's elements; a bias, one row in memory, may be given the shape [columns].
  package init(name: String, matrix: Matrix, shape: [Int]? = nil) {
    self.init(name: name, shape: shape ?? [matrix.rowCount, matrix.columnCount], data: .matrix(matrix))
  }
}
