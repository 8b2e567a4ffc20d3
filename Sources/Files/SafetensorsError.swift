import Foundation
import Matrices

/// Why a safetensors file cannot be used.
package struct SafetensorsError: ReportableError, LocalizedError, Equatable {
  package let path: String
  package let problem: Problem

  package enum Problem: Error, Equatable {
    /// A file needs 8 bytes for the header's length and 2 for the smallest header.
    case tooShort(size: Int)
    case headerTooLong(length: UInt64, limit: Int)
    case headerBeyondFile(length: UInt64, available: Int)
    /// The header's first byte is not `{`.
    case headerNotAnObject(firstByte: UInt8)
    case badHeader(JSONError)
    case badMetadata(key: String)
    case badTensor(name: String, reason: String)
    case unknownType(tensor: String, type: String)
    case shapeTooLarge(tensor: String, shape: [Int])
    /// `shape` of elements of `type` needs `expected` bytes; the offsets span `actual`.
    case sizeMismatch(tensor: String, type: String, shape: [Int], expected: Int, actual: Int)
    /// Tensors must follow one another without holes and overlaps.
    case notContiguous(tensor: String, expectedStart: Int, actualStart: Int)
    /// The tensors end at `expected`, the file's data at `actual`.
    case dataSizeMismatch(expected: Int, actual: Int)
    case endedEarly(tensor: String)
    case missingTensor(name: String, available: [String])
    case wrongType(tensor: String, expected: String, actual: String)
    case wrongRank(tensor: String, shape: [Int])
    case wrongShape(tensor: String, expected: [Int], actual: [Int])
  }

  /// For tensors that a user gave as input; `Checkpoints` wraps this error in its own.
  package var exitStatus: ExitStatus { .badData }
  package var errorDescription: String? { description }
  package var description: String { "\(path): \(problem)" }
}

extension SafetensorsError.Problem: CustomStringConvertible {
  package var description: String {
    switch self {
    case .missingTensor, .wrongType, .wrongRank, .wrongShape: contentDescription
    default: "not a valid safetensors file: \(formatDescription). Copy or make it again."
    }
  }

  private var contentDescription: String {
    switch self {
    case .missingTensor(let name, let available):
      "there is no tensor \"\(name)\"; it holds \(available.prefix(20).joined(separator: ", "))"
        + (available.count > 20 ? " and \(available.count - 20) more." : ".")
    case .wrongType(let tensor, let expected, let actual):
      "tensor \"\(tensor)\" has elements of type \(actual); store it as \(expected)."
    case .wrongRank(let tensor, let shape):
      "tensor \"\(tensor)\" has the shape \(shape); store it as a matrix or a vector."
    case .wrongShape(let tensor, let expected, let actual):
      "tensor \"\(tensor)\" has the shape \(actual), expected is \(expected)."
    default: formatDescription
    }
  }

  private var formatDescription: String {
    switch self {
    case .tooShort(let size): "\(size) bytes are too few"
    case .headerTooLong(let length, let limit): "a header of \(length) bytes, at most \(limit) are allowed"
    case .headerBeyondFile(let length, let available): "a header of \(length) bytes, \(available) are left in the file"
    case .headerNotAnObject(let byte): "the header starts with byte \(byte) instead of {"
    case .badHeader(let error): "the header has \(error)"
    case .badMetadata(let key): "the metadata value of \"\(key)\" is not a string"
    case .badTensor(let name, let reason): "tensor \"\(name)\" \(reason)"
    case .unknownType(let tensor, let type):
      "tensor \"\(tensor)\" has the type \(type), supported are "
        + ElementType.allCases.map(\.rawValue).joined(separator: ", ")
    case .shapeTooLarge(let tensor, let shape): "tensor \"\(tensor)\" of shape \(shape) exceeds 64-bit sizes"
    case .sizeMismatch(let tensor, let type, let shape, let expected, let actual):
      "tensor \"\(tensor)\", \(type) of shape \(shape), needs \(expected) bytes and has \(actual)"
    case .notContiguous(let tensor, let expected, let actual):
      "tensor \"\(tensor)\" starts at byte \(actual) of the data instead of \(expected)"
    case .dataSizeMismatch(let expected, let actual):
      "the header describes \(expected) bytes of data, the file has \(actual)"
    case .endedEarly(let tensor): "the file ended inside \"\(tensor)\" although it was longer when opened"
    case .missingTensor, .wrongType, .wrongRank, .wrongShape: contentDescription
    }
  }
}
