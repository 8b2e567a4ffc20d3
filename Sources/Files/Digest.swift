import Crypto
import Foundation
import Matrices

/// SHA-256 over what is fed to it, piece by piece.
package struct Digest {
  private var hash = SHA256()

  package init() {}

  package mutating func add(_ bytes: UnsafeRawBufferPointer) { hash.update(bufferPointer: bytes) }

  package mutating func add(_ text: String) { hash.update(data: Data(text.utf8)) }

  /// Integers as 8 little-endian bytes each.
  package mutating func add(_ values: [Int]) { values.withUnsafeBytes { hash.update(bufferPointer: $0) } }

  package mutating func add(_ matrix: Matrix) {
    add([matrix.rowCount, matrix.columnCount])
    for r in 0..<matrix.rowCount {
      add(UnsafeRawBufferPointer(UnsafeBufferPointer(start: matrix.row(r), count: matrix.columnCount)))
    }
  }

  package mutating func add(_ storage: FloatStorage) {
    add(UnsafeRawBufferPointer(UnsafeBufferPointer(start: storage.base, count: storage.count)))
  }

  /// 64 hexadecimal digits.
  package func hexadecimal() -> String {
    hash.finalize().map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined()
  }
}
