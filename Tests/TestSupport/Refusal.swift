/// What `body` throws, as a user reads it; nil where it throws nothing.
package func refusal(_ body: () throws -> Void) -> String? {
  do {
    try body()
    return nil
  } catch { return "\(error)" }
}
