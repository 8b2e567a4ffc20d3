import Foundation

/// Runs `body` with a fresh folder, and removes it.
package func withTemporaryFolder<Value>(_ body: (String) throws -> Value) throws -> Value {
  let path = NSTemporaryDirectory() + "cegzsl-" + UUID().uuidString
  try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: path) }
  return try body(path)
}
