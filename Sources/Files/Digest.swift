import CCrypto
import Matrices

/// SHA-256 over what is fed to it, piece by piece; libcrypto's, which uses the processor's own instructions for it.
struct SHA256: ~Copyable {
  private let context: OpaquePointer

  init() {
    guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
      preconditionFailure("libcrypto has no SHA-256, or no memory for it")
    }
    self.context = context
  }

  deinit { EVP_MD_CTX_free(context) }

  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    precondition(EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1)
  }

  /// 64 lower-case hexadecimal digits, of what was fed so far.
  borrowing func hexadecimal() -> String {
    let copy = EVP_MD_CTX_new()
    defer { EVP_MD_CTX_free(copy) }
    let digest = [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
      precondition(EVP_MD_CTX_copy_ex(copy, context) == 1 && EVP_DigestFinal_ex(copy, buffer.baseAddress, nil) == 1)
      count = 32
    }
    return digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}

/// SHA-256 over values.
package struct Digest: ~Copyable {
  private var hash = SHA256()

  package init() {}

  package mutating func add(_ bytes: UnsafeRawBufferPointer) { hash.add(bytes) }

  package mutating func add(_ text: String) {
    var text = text
    text.withUTF8 { hash.add(UnsafeRawBufferPointer($0)) }
  }

  /// Integers as 8 little-endian bytes each.
  package mutating func add(_ values: [Int]) { values.withUnsafeBytes { hash.add($0) } }

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
  package borrowing func hexadecimal() -> String { hash.hexadecimal() }
}
