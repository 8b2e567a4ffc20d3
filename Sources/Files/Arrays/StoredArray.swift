/// What an array's elements are.
package enum ArrayKind: Sendable, Equatable {
  case numbers
  /// True or false: a mask rather than numbers that happen to be 0 and 1.
  case booleans
  case texts
  /// Nothing that can be used; the text completes "… is".
  case other(String)
}

/// A named array of a file: its sizes as the file's own users know them, and how to get at the elements.
struct StoredArray {
  enum Content {
    /// The elements lie in the order of the sizes, last index fastest, or first index fastest where `isColumnMajor`.
    case numbers(StoredElements)
    case texts(() throws -> [String])
    case none
  }

  let name: String
  /// numpy's shape, MATLAB's size; [] for a single number.
  let sizes: [Int]
  /// First index fastest, as MATLAB and Fortran have it.
  let isColumnMajor: Bool
  let kind: ArrayKind
  /// Read when it is needed.
  let content: () throws -> Content

  init(
    _ name: String, sizes: [Int], isColumnMajor: Bool = false, kind: ArrayKind,
    content: @escaping () throws -> Content = { .none }
  ) {
    self.name = name
    self.sizes = sizes
    self.isColumnMajor = isColumnMajor
    self.kind = kind
    self.content = content
  }
}

/// Bounds what repeated references to one text may add up to.
struct TextBudget {
  private var left: Int

  /// - Parameter source: texts of a file may hold eight times its bytes, and a little.
  init(_ source: any ByteSource) { left = (1 << 24) + 8 * min(source.size, 1 << 40) }

  mutating func spend(_ byteCount: Int) throws {
    left -= byteCount
    guard left >= 0 else { throw FormatError("its texts would take far more memory than the file; it is damaged") }
  }
}
