/// The program that made a run.
package struct ProgramIdentity: Sendable {
  package let version: String
  /// SHA-256 of its file, in hexadecimal digits.
  package let digest: String

  package init(version: String, digest: String) {
    self.version = version
    self.digest = digest
  }
}
